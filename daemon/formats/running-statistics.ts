// Minimum, maximum, mean and standard deviation of numbers that arrive in batches (Chan, Golub & LeVeque 1979).

export class RunningStatistics {
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  mean = 0;
  private count = 0;
  private squares = 0;

  add(batch: Float32Array): void {
    if (batch.length === 0) return;
    let sum = 0;
    for (const value of batch) {
      sum += value;
      if (value < this.minimum) this.minimum = value;
      if (value > this.maximum) this.maximum = value;
    }
    const batchMean = sum / batch.length;
    let batchSquares = 0;
    for (const value of batch) batchSquares += (value - batchMean) ** 2;
    const difference = batchMean - this.mean;
    const total = this.count + batch.length;
    this.squares += batchSquares + difference * difference * ((this.count * batch.length) / total);
    this.mean += difference * (batch.length / total);
    this.count = total;
  }

  /** Root mean square deviation from the mean (the RMS of an MRC header). */
  get rms(): number {
    return this.count > 0 ? Math.sqrt(this.squares / this.count) : 0;
  }
}
