// Mean and variance of each column of x[rows, width], and the running ones; one invocation a column.

struct Params {
  rows: u32,
  width: u32,
  momentum: f32,
  /** 1 − momentum. */
  share: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> running: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 64u + lane;
  if (column >= p.width) {
    return;
  }
  var sum = 0.0;
  for (var r = 0u; r < p.rows; r++) {
    sum += x[r * p.width + column];
  }
  let mean = sum / f32(p.rows);
  var squares = 0.0;
  for (var r = 0u; r < p.rows; r++) {
    let difference = x[r * p.width + column] - mean;
    squares += difference * difference;
  }
  let variance = squares / f32(p.rows);
  statistics[column] = mean;
  statistics[p.width + column] = variance;
  running[column] = p.momentum * running[column] + p.share * mean;
  running[p.width + column] = p.momentum * running[p.width + column] + p.share * variance;
}
