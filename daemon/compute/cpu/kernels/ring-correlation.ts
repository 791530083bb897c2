// Fourier ring correlation of two transforms and its derivative (method.md section 3).
//
// The pixels of each ring are listed by `order` from ringStart[k] to ringStart[k + 1] (ring 0 holds what is not compared).

/**
 * Correlation of each ring 1 … rings of model and image (each re[planeSize], im[planeSize]) into ringFrc[rings + 1]; returns their mean by shares[rings + 1]. toImage[k]
 * and toModel[k] receive the factors of d(mean)/d(model pixel) = weight · (toImage · image − toModel · model), times `scale`.
 */
export function correlateRings(
  model: usize, image: usize, planeSize: i32, rings: i32, order: usize, ringStart: usize, weights: usize, shares: usize, scale: f32, ringFrc: usize, toImage: usize, toModel: usize,
): f32 {
  const imaginary = <usize>planeSize << 2;
  let mean: f64 = 0;
  store<f32>(ringFrc, 0);
  store<f32>(toImage, 0);
  store<f32>(toModel, 0);
  for (let k = 1; k <= rings; k++) {
    const slot = <usize>k << 2;
    let cross: f32 = 0, modelPower: f32 = 0, imagePower: f32 = 0;
    const end = order + (<usize>load<i32>(ringStart + slot, 4) << 2);
    for (let entry = order + (<usize>load<i32>(ringStart + slot) << 2); entry < end; entry += 4) {
      const at = <usize>load<u32>(entry) << 2;
      const w = load<f32>(weights + at);
      const pr = load<f32>(model + at), pi = load<f32>(model + imaginary + at);
      const ir = load<f32>(image + at), ii = load<f32>(image + imaginary + at);
      cross += w * (pr * ir + pi * ii);
      modelPower += w * (pr * pr + pi * pi);
      imagePower += w * (ir * ir + ii * ii);
    }
    // A ring in which one side has nothing correlates with nothing: zero, with no gradient. NaN must pass.
    let correlation: f32 = 0, factor: f32 = 0;
    if (!(modelPower == 0 || imagePower == 0)) {
      // Two roots, as the product of two powers can leave the range of single precision.
      factor = <f32>1 / (Mathf.sqrt(modelPower) * Mathf.sqrt(imagePower));
      correlation = cross * factor;
    }
    store<f32>(ringFrc + slot, correlation);
    const share = load<f32>(shares + slot);
    store<f32>(toImage + slot, scale * share * factor);
    store<f32>(toModel + slot, modelPower == 0 ? 0 : scale * share * correlation / modelPower);
    mean += share * correlation;
  }
  return <f32>mean;
}

/** Replaces the model by the gradient with respect to it. */
export function correlationGradient(model: usize, image: usize, planeSize: i32, ring: usize, weights: usize, toImage: usize, toModel: usize): void {
  const imaginary = <usize>planeSize << 2;
  for (let at: usize = 0; at < imaginary; at += 16) {
    const k0 = <usize>load<u32>(ring + at) << 2, k1 = <usize>load<u32>(ring + at, 4) << 2, k2 = <usize>load<u32>(ring + at, 8) << 2, k3 = <usize>load<u32>(ring + at, 12) << 2;
    const w = v128.load(weights + at);
    const i = f32x4.mul(w, f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(v128.load32_zero(toImage + k0), 1, load<f32>(toImage + k1)), 2, load<f32>(toImage + k2)), 3, load<f32>(toImage + k3)));
    const m = f32x4.mul(w, f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(v128.load32_zero(toModel + k0), 1, load<f32>(toModel + k1)), 2, load<f32>(toModel + k2)), 3, load<f32>(toModel + k3)));
    v128.store(model + at, f32x4.sub(f32x4.mul(i, v128.load(image + at)), f32x4.mul(m, v128.load(model + at))));
    v128.store(model + imaginary + at, f32x4.sub(f32x4.mul(i, v128.load(image + imaginary + at)), f32x4.mul(m, v128.load(model + imaginary + at))));
  }
}
