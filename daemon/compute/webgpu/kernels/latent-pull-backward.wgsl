// Adds the gradient of weight · mean over rows of |z − place|²/2 to dZ; one invocation an element of z[count].

struct Params {
  count: u32,
  /** weight / rows. */
  share: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> places: array<f32>;
@group(0) @binding(3) var<storage, read_write> dZ: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  if (i < p.count) {
    dZ[i] += p.share * (z[i] - places[i]);
  }
}
