// The correlation of each ring from its sums, their mean by shares, and the factors of the gradient; a workgroup a particle.
//
// d(mean)/d(model pixel) = weight · (toImage · image − toModel · model). The sums are replaced by (correlation, toImage, toModel).

struct Params {
  rings: u32,
  withRings: u32,
  /** The bits of NaN: a run that went wrong is told so, though a compiler may take every number for finite. */
  notANumber: u32,
  /** Of the gradient. */
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
/** rings + 1. */
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read_write> rings: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> frc: array<f32>;
/** particles × (rings + 1), with withRings. */
@group(0) @binding(4) var<storage, read_write> ringFrc: array<f32>;

var<workgroup> partial: array<f32, 64>;

fn isBroken(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let particle = group.x;
  let base = particle * (p.rings + 1u);
  var mean = 0.0;
  for (var k = lane; k <= p.rings; k += 64u) {
    var result = vec4f(0.0);
    if (k > 0u) {
      let sums = rings[base + k];
      if (isBroken(sums.x) || isBroken(sums.y) || isBroken(sums.z)) {
        result.x = bitcast<f32>(p.notANumber);
      } else if (sums.y > 0.0 && sums.z > 0.0) {
        // Two roots, as the product of two powers can leave the range of single precision.
        let factor = 1.0 / (sqrt(sums.y) * sqrt(sums.z));
        let correlation = sums.x * factor;
        let share = p.scale * shares[k];
        result = vec4f(correlation, share * factor, share * correlation / sums.y, 0.0);
      }
      // A ring in which one side has nothing correlates with nothing: zero, with no gradient.
      mean += shares[k] * result.x;
    }
    rings[base + k] = result;
    if (p.withRings == 1u) {
      ringFrc[base + k] = result.x;
    }
  }
  partial[lane] = mean;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    frc[particle] = partial[0];
  }
}
