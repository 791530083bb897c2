// Dropout in place: number i becomes 0 where hash32(hash32(i) + key) < threshold, else grows by `factor`; the same bits on every backend.

struct Params {
  count: u32,
  threshold: u32,
  key: u32,
  factor: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

/** MurmurHash3's finaliser (numerics/integer-hash.ts); products wrap at 2³². */
fn hash32(number: u32) -> u32 {
  var h = number ^ (number >> 16u);
  h *= 0x85ebca6bu;
  h ^= h >> 13u;
  h *= 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i < p.count) {
    x[i] = select(x[i] * p.factor, 0.0, hash32(hash32(i) + p.key) < p.threshold);
  }
}
