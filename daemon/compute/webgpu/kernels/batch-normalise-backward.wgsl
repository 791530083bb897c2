// The gradient of batch normalisation; one invocation a column. The first batchRows rows moved mean and variance, and through them all rows.

struct Params {
  rows: u32,
  batchRows: u32,
  width: u32,
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<f32>;
@group(0) @binding(5) var<storage, read_write> dX: array<f32>;
@group(0) @binding(6) var<storage, read_write> dScale: array<f32>;
@group(0) @binding(7) var<storage, read_write> dShift: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * 64u + lane;
  if (column >= p.width) {
    return;
  }
  let mean = statistics[column];
  let deviation = sqrt(statistics[p.width + column] + p.epsilon);
  var sum = 0.0;
  var along = 0.0;
  for (var r = 0u; r < p.rows; r++) {
    let d = dY[r * p.width + column];
    sum += d;
    along += d * (x[r * p.width + column] - mean) / deviation;
  }
  let factor = scale[column] / deviation;
  for (var r = 0u; r < p.rows; r++) {
    let i = r * p.width + column;
    var through = 0.0;
    if (r < p.batchRows) {
      through = (sum + (x[i] - mean) / deviation * along) / f32(p.batchRows);
    }
    dX[i] = factor * (dY[i] - through);
  }
  dShift[column] = sum;
  dScale[column] = along;
}
