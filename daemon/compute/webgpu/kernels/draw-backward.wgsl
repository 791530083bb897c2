// The gradient of the projection with respect to each Gaussian, from that of the image; an invocation sums over one Gaussian's window.

struct Params {
  gaussians: u32,
  box: u32,
  /** 0 where one row of Gaussians serves all particles, else 5N. */
  rowStride: u32,
  referenceSigma: f32,
  window: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
/** u, v, variance, amplitude. */
@group(0) @binding(1) var<storage, read> seen: array<vec4f>;
@group(0) @binding(2) var<storage, read> gaussians: array<f32>;
@group(0) @binding(3) var<storage, read> rotations: array<f32>;
@group(0) @binding(4) var<storage, read> dImage: array<f32>;
@group(0) @binding(5) var<storage, read_write> dGaussians: array<f32>;

const TWO_PI = 6.283185307179586;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  let particle = group.y;
  if (i >= p.gaussians) {
    return;
  }
  let gaussian = seen[particle * p.gaussians + i];
  let variance = gaussian.z;
  let reach = p.window * sqrt(variance);
  let last = i32(p.box) - 1;
  let begin = clamp(vec2i(ceil(gaussian.xy - reach)), vec2i(0), vec2i(last + 1));
  let end = clamp(vec2i(floor(gaussian.xy + reach)), vec2i(-1), vec2i(last));
  let factor = -0.5 / variance;
  var sum = 0.0;
  var sumX = 0.0;
  var sumY = 0.0;
  var sumSquares = 0.0;
  for (var y = begin.y; y <= end.y; y++) {
    let row = (particle * p.box + u32(y)) * p.box;
    let dy = f32(y) - gaussian.y;
    for (var x = begin.x; x <= end.x; x++) {
      let dx = f32(x) - gaussian.x;
      let squares = dx * dx + dy * dy;
      let weighted = dImage[row + u32(x)] * exp(squares * factor);
      sum += weighted;
      sumX += weighted * dx;
      sumY += weighted * dy;
      sumSquares += weighted * squares;
    }
  }
  let norm = 1.0 / (TWO_PI * variance);
  let peak = gaussian.w * norm;
  let dU = peak * sumX / variance;
  let dV = peak * sumY / variance;
  let a = particle * 9u;
  let row = particle * 5u * p.gaussians + i;
  let size = f32(p.box);
  for (var axis = 0u; axis < 3u; axis++) {
    dGaussians[row + axis * p.gaussians] = size * (rotations[a + axis] * dU + rotations[a + 3u + axis] * dV);
  }
  dGaussians[row + 3u * p.gaussians] = norm * sum;
  // variance = (width · referenceSigma)² + blur
  let dVariance = peak * (sumSquares / (2.0 * variance * variance) - sum / variance);
  let width = gaussians[particle * p.rowStride + 4u * p.gaussians + i];
  dGaussians[row + 4u * p.gaussians] = dVariance * 2.0 * width * p.referenceSigma * p.referenceSigma;
}
