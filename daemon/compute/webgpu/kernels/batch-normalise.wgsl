// Batch normalisation: y = scale · (x − mean) / √(variance + epsilon) + shift on x[rows, width].

struct Params {
  count: u32,
  width: u32,
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> shift: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < p.count) {
    let c = i % p.width;
    y[i] = scale[c] * (x[i] - statistics[c]) / sqrt(statistics[p.width + c] + p.epsilon) + shift[c];
  }
}
