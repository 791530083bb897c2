// The projection P(t) = Σ A (2πσ²)⁻¹ exp(−|t − c|²/2σ²) into image[particle, box, box]; a workgroup draws a tile of 32 × 32 pixels (method.md section 2).
//
// It walks over the particle's Gaussians 64 at a time and lists those whose window of ±`window` σ reaches the tile, in their order. Of 32 listed
// ones it makes the two tables exp(−(x − u)²/2σ²), exp(−(y − v)²/2σ²) in workgroup memory, whose product every invocation sums over
// its 4 × 4 pixels. So nothing of size N · box² is ever stored, and every sum has one order.

struct Params {
  gaussians: u32,
  box: u32,
  window: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
/** u, v, variance, amplitude. */
@group(0) @binding(1) var<storage, read> seen: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> image: array<f32>;

const TILE = 32u;
const CHUNK = 64u;
const LISTED = 32u;
const TWO_PI = 6.283185307179586;

var<workgroup> reaching: array<atomic<u32>, 2>;
var<workgroup> held: u32;
var<workgroup> list: array<vec4f, 96>;
/** Eight groups of four pixels for each listed Gaussian. */
var<workgroup> alongX: array<vec4f, 256>;
var<workgroup> alongY: array<vec4f, 256>;

/** exp(−d²/2σ²) at four pixels from `first` on, 0 outside the window. NaN passes. */
fn profile(first: f32, centre: f32, variance: f32) -> vec4f {
  let d = vec4f(first, first + 1.0, first + 2.0, first + 3.0) - centre;
  return select(exp(d * d * (-0.5 / variance)), vec4f(0.0), abs(d) > vec4f(p.window * sqrt(variance)));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) cell: vec3u, @builtin(local_invocation_index) lane: u32) {
  let particle = tile.z;
  let corner = vec2f(tile.xy * TILE);
  let opposite = corner + f32(TILE - 1u);
  var sums = array<vec4f, 4>();
  if (lane == 0u) {
    held = 0u;
  }

  for (var first = 0u; first < p.gaussians; first += CHUNK) {
    if (lane < 2u) {
      atomicStore(&reaching[lane], 0u);
    }
    workgroupBarrier();
    let i = first + lane;
    var gaussian = vec4f(0.0);
    var reaches = false;
    if (i < p.gaussians) {
      gaussian = seen[particle * p.gaussians + i];
      let reach = p.window * sqrt(gaussian.z);
      // Written so that NaN is drawn, and seen at the end.
      reaches = !(any(gaussian.xy + reach < corner) || any(gaussian.xy - reach > opposite));
    }
    let word = lane / 32u;
    let bit = lane % 32u;
    if (reaches) {
      atomicOr(&reaching[word], 1u << bit);
    }
    workgroupBarrier();
    let low = atomicLoad(&reaching[0]);
    let high = atomicLoad(&reaching[1]);
    let before = held;
    if (reaches) {
      let below = (1u << bit) - 1u;
      let place = select(countOneBits(low) + countOneBits(high & below), countOneBits(low & below), word == 0u);
      list[before + place] = gaussian;
    }
    workgroupBarrier();
    if (lane == 0u) {
      held = before + countOneBits(low) + countOneBits(high);
    }
    let listed = workgroupUniformLoad(&held);
    let isLast = first + CHUNK >= p.gaussians;
    let ready = select(listed / LISTED * LISTED, listed, isLast);

    for (var begin = 0u; begin < ready; begin += LISTED) {
      let size = min(LISTED, ready - begin);
      for (var entry = lane; entry < size * 8u; entry += 64u) {
        let drawn = list[begin + entry / 8u];
        let pixel = f32(entry % 8u * 4u);
        alongX[entry] = profile(corner.x + pixel, drawn.x, drawn.z) * (drawn.w / (TWO_PI * drawn.z));
        alongY[entry] = profile(corner.y + pixel, drawn.y, drawn.z);
      }
      workgroupBarrier();
      for (var g = 0u; g < size; g++) {
        let x = alongX[g * 8u + cell.x];
        let y = alongY[g * 8u + cell.y];
        sums[0] += y.x * x;
        sums[1] += y.y * x;
        sums[2] += y.z * x;
        sums[3] += y.w * x;
      }
      workgroupBarrier();
    }

    let rest = listed - ready;
    var kept = vec4f(0.0);
    if (lane < rest) {
      kept = list[ready + lane];
    }
    workgroupBarrier();
    if (lane < rest) {
      list[lane] = kept;
    }
    if (lane == 0u) {
      held = rest;
    }
  }

  for (var j = 0u; j < 4u; j++) {
    let y = tile.y * TILE + cell.y * 4u + j;
    for (var i = 0u; i < 4u; i++) {
      let x = tile.x * TILE + cell.x * 4u + i;
      if (x < p.box && y < p.box) {
        image[(particle * p.box + y) * p.box + x] = sums[j][i];
      }
    }
  }
}
