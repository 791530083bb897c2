// Gaussians from the decoder: sigmoid(neutral + vary · (offset − origin)), − 0.5 for centres and + 0.5 for widths (method.md section 2).

struct Params {
  /** rows · 5N. */
  count: u32,
  /** 5N. */
  width: u32,
  /** Where the row of offsets at z = 0 begins, with hasOrigin. */
  origin: u32,
  hasOrigin: u32,
  /** 0 where all rows share one neutral model, else 5N. */
  neutralStride: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> offsets: array<f32>;
@group(0) @binding(2) var<storage, read> neutral: array<f32>;
@group(0) @binding(3) var<storage, read> vary: array<f32>;
@group(0) @binding(4) var<storage, read_write> gaussians: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i >= p.count) {
    return;
  }
  let column = i % p.width;
  var offset = offsets[i];
  if (p.hasOrigin == 1u) {
    offset -= offsets[p.origin + column];
  }
  let raw = neutral[(i / p.width) * p.neutralStride + column] + vary[column] * offset;
  let kind = 5u * column / p.width;
  let shift = select(select(0.5, 0.0, kind == 3u), -0.5, kind < 3u);
  gaussians[i] = 1.0 / (1.0 + exp(-raw)) + shift;
}
