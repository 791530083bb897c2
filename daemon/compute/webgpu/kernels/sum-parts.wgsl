// The end of a matrix product whose depth was cut: out[i] = Σ over parts of partial[part, i], in order, + bias of the column, and ReLU.

struct Params {
  /** rows · columns. */
  count: u32,
  columns: u32,
  parts: u32,
  hasBias: u32,
  isRelu: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> sum: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i >= p.count) {
    return;
  }
  var value = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    value += partial[part * p.count + i];
  }
  if (p.hasBias == 1u) {
    value += bias[i % p.columns];
  }
  sum[i] = select(value, 0.0, p.isRelu == 1u && value < 0.0);
}
