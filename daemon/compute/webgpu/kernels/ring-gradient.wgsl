// The gradient of the ring correlation with respect to the four sums of ring-sums.wgsl, in their place; an invocation (|kx|, ky) of a particle.

struct Params {
  rings: u32,
  stride: u32,
  planeSize: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> images: array<f32>;
/** planeSize: ring of each pixel, 0 where it is not compared. */
@group(0) @binding(2) var<storage, read> ringOf: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
/** correlation, toImage, toModel. */
@group(0) @binding(4) var<storage, read> rings: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> waves: array<f32>;

fn gradientAt(particle: u32, column: u32, ky: u32, model: vec2f) -> vec2f {
  let pixel = column * p.stride + ky;
  let ring = ringOf[pixel];
  if (ring == 0u) {
    return vec2f(0.0);
  }
  let factors = rings[particle * (p.rings + 1u) + ring];
  let image = particle * 2u * p.planeSize + pixel;
  return weights[pixel] * (factors.y * vec2f(images[image], images[image + p.planeSize]) - factors.z * model);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let particle = group.y;
  let side = p.rings + 1u;
  let i = group.x * 64u + lane;
  if (i >= side * side) {
    return;
  }
  let kx = i / side;
  let ky = i % side;
  let cosRow = particle * 4u * side * side + kx * 2u * side + ky;
  let sinRow = cosRow + side * 2u * side;
  let cc = waves[cosRow];
  let cs = waves[cosRow + side];
  let sc = waves[sinRow];
  let ss = waves[sinRow + side];
  let right = gradientAt(particle, p.rings + kx, ky, vec2f(cc - ss, -(sc + cs)));
  var left = vec2f(0.0);
  if (kx > 0u) {
    left = gradientAt(particle, p.rings - kx, ky, vec2f(cc + ss, sc - cs));
  }
  waves[cosRow] = right.x + left.x;
  waves[cosRow + side] = -right.y - left.y;
  waves[sinRow] = left.y - right.y;
  waves[sinRow + side] = left.x - right.x;
}
