// Each Gaussian as a particle shows it: where it falls in the image and its variance (pixels, pixels²), and its amplitude.

struct Params {
  gaussians: u32,
  /** 0 where one row of Gaussians serves all particles, else 5N. */
  rowStride: u32,
  box: f32,
  referenceSigma: f32,
  blurVariance: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gaussians: array<f32>;
@group(0) @binding(2) var<storage, read> rotations: array<f32>;
@group(0) @binding(3) var<storage, read_write> seen: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 64u + lane;
  let particle = group.y;
  if (i >= p.gaussians) {
    return;
  }
  let row = particle * p.rowStride + i;
  let centre = vec3f(gaussians[row], gaussians[row + p.gaussians], gaussians[row + 2u * p.gaussians]);
  let a = particle * 9u;
  let u = p.box * dot(vec3f(rotations[a], rotations[a + 1u], rotations[a + 2u]), centre) + 0.5 * p.box;
  let v = p.box * dot(vec3f(rotations[a + 3u], rotations[a + 4u], rotations[a + 5u]), centre) + 0.5 * p.box;
  let sigma = gaussians[row + 4u * p.gaussians] * p.referenceSigma;
  seen[particle * p.gaussians + i] = vec4f(u, v, sigma * sigma + p.blurVariance, gaussians[row + 3u * p.gaussians]);
}
