// What the links of every Gaussian pull at it: adds the gradient of the resistance against stretching to dGaussians[rows, 5N]. One invocation a Gaussian of a row.

struct Params {
  gaussians: u32,
  /** Places for links of each Gaussian. */
  most: u32,
  /** 2 · reach² · weight / rows. */
  factor: f32,
  /** reach². */
  square: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> gaussians: array<f32>;
/** [3, N, most]: other end, length at rest, share. */
@group(0) @binding(2) var<storage, read> links: array<f32>;
@group(0) @binding(3) var<storage, read_write> dGaussians: array<f32>;

fn centre(at: u32) -> vec3f {
  return vec3f(gaussians[at], gaussians[at + p.gaussians], gaussians[at + 2u * p.gaussians]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let a = group.x * 64u + lane;
  if (a >= p.gaussians) {
    return;
  }
  let row = group.y * 5u * p.gaussians;
  let plane = p.gaussians * p.most;
  let here = centre(row + a);
  var pull = vec3f(0.0);
  for (var m = 0u; m < p.most; m++) {
    let link = a * p.most + m;
    let share = links[2u * plane + link];
    if (share == 0.0) {
      break;
    }
    let apart = here - centre(row + u32(links[link]));
    let length = sqrt(dot(apart, apart) + 1e-18);
    let stretch = length - links[plane + link];
    let firm = stretch * stretch + p.square;
    pull += share * stretch / (firm * firm * length) * apart;
  }
  dGaussians[row + a] += p.factor * pull.x;
  dGaussians[row + a + p.gaussians] += p.factor * pull.y;
  dGaussians[row + a + 2u * p.gaussians] += p.factor * pull.z;
}
