// One Adam step on a parameter in place (Kingma & Ba 2015), with decoupled weight decay and the L2 penalty of AdamSettings.

struct Params {
  count: u32,
  /** learningRate / (1 − beta1^step). */
  rate: f32,
  beta1: f32,
  share1: f32,
  beta2: f32,
  share2: f32,
  /** 1 / (1 − beta2^step). */
  correction: f32,
  epsilon: f32,
  /** learningRate · weightDecay. */
  decay: f32,
  /** 2 · l2. */
  penalty: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> square: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 256u + lane;
  if (i >= p.count) {
    return;
  }
  let value = parameter[i];
  let g = gradient[i] + p.penalty * value;
  let m = p.beta1 * mean[i] + p.share1 * g;
  let v = p.beta2 * square[i] + p.share2 * g * g;
  mean[i] = m;
  square[i] = v;
  parameter[i] = value - (p.rate * m / (sqrt(v * p.correction) + p.epsilon) + p.decay * value);
}
