// Of each ring and particle: Σ w Re(P · I*), Σ w |P|², Σ w |I|² over the ring's pixels; a workgroup a ring (method.md section 3).
//
// P comes as four sums over the image f[2(K + 1), 2(K + 1)], Σ f · (cos | sin)(kx x) · (cos | sin)(ky y), from which both kx and −kx follow.

struct Params {
  /** K. */
  rings: u32,
  /** Of one column kx of an image (ring-geometry.ts). */
  stride: u32,
  planeSize: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> waves: array<f32>;
@group(0) @binding(2) var<storage, read> images: array<f32>;
/** Pixels in the order of their rings. */
@group(0) @binding(3) var<storage, read> order: array<u32>;
/** rings + 2: where each ring begins in `order`. */
@group(0) @binding(4) var<storage, read> ringStart: array<u32>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
/** particles × (rings + 1): cross, model, image. */
@group(0) @binding(6) var<storage, read_write> rings: array<vec4f>;

var<workgroup> partial: array<vec4f, 64>;

/** Real and imaginary part of the model's transform at pixel (kx, ky), kx from −K. */
fn modelAt(base: u32, kx: i32, ky: u32) -> vec2f {
  let side = p.rings + 1u;
  let cosRow = base + u32(abs(kx)) * 2u * side + ky;
  let sinRow = cosRow + side * 2u * side;
  let cc = waves[cosRow];
  let cs = waves[cosRow + side];
  let sc = waves[sinRow];
  let ss = waves[sinRow + side];
  return select(vec2f(cc + ss, sc - cs), vec2f(cc - ss, -(sc + cs)), kx >= 0);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let ring = group.x + 1u;
  let particle = group.y;
  let side = 2u * (p.rings + 1u);
  let image = particle * 2u * p.planeSize;
  var sums = vec4f(0.0);
  for (var entry = ringStart[ring] + lane; entry < ringStart[ring + 1u]; entry += 64u) {
    let pixel = order[entry];
    let model = modelAt(particle * side * side, i32(pixel / p.stride) - i32(p.rings), pixel % p.stride);
    let seen = vec2f(images[image + pixel], images[image + p.planeSize + pixel]);
    sums += weights[pixel] * vec4f(dot(model, seen), dot(model, model), dot(seen, seen), 0.0);
  }
  partial[lane] = sums;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    rings[particle * (p.rings + 1u) + ring] = partial[0];
  }
}
