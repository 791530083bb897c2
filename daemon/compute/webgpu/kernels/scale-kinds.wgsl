// x[rows, 5N] times a factor of its kind (x, y, z, amplitude, width), in place.

struct Params {
  count: u32,
  gaussians: u32,
  factorX: f32,
  factorY: f32,
  factorZ: f32,
  factorAmplitude: f32,
  factorWidth: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < p.count) {
    var factors = array<f32, 5>(p.factorX, p.factorY, p.factorZ, p.factorAmplitude, p.factorWidth);
    x[i] *= factors[(i / p.gaussians) % 5u];
  }
}
