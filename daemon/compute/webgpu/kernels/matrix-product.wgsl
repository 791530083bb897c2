// out[batch, part, rows, columns] = left · right over the part's share of the depth; where the depth is one part, + bias and ReLU.
//
// Either side may lie transposed: element (r, k) of left is at r · leftRow + k · leftDepth, (k, c) of right at k · rightDepth + c · rightColumn.
// A workgroup makes up to 64 × 64 numbers, each of its 16 × 16 invocations up to 4 × 4 of them, 16 apart so that neighbours touch neighbouring addresses.
// The depth passes through workgroup memory 16 at a time, always in the same order.

struct Params {
  rows: u32,
  columns: u32,
  depth: u32,
  parts: u32,
  /** A multiple of 16. */
  partDepth: u32,
  leftRow: u32,
  leftDepth: u32,
  leftBatch: u32,
  rightDepth: u32,
  rightColumn: u32,
  rightBatch: u32,
  hasBias: u32,
  isRelu: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> product: array<f32>;

/** 1 to 4: a tile has 16 times as many rows. Few rows leave the rest of a full tile idle. */
override rowGroups: u32 = 4u;
const COLUMNS = 64u;
const DEPTH = 16u;
/** One more than a tile's side: a column of the tile then falls on different memory banks. */
const PITCH = 65u;
var<workgroup> leftTile: array<f32, 1040>;
var<workgroup> rightTile: array<f32, 1040>;

fn leftAt(base: u32, r: u32, k: u32, end: u32) -> f32 {
  if (r < p.rows && k < end) {
    return left[base + r * p.leftRow + k * p.leftDepth];
  }
  return 0.0;
}

fn rightAt(base: u32, k: u32, c: u32, end: u32) -> f32 {
  if (c < p.columns && k < end) {
    return right[base + k * p.rightDepth + c * p.rightColumn];
  }
  return 0.0;
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) cell: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tileRows = 16u * rowGroups;
  let firstColumn = group.x * COLUMNS;
  let firstRow = group.y * tileRows;
  let batch = group.z / p.parts;
  let part = group.z % p.parts;
  let begin = part * p.partDepth;
  let end = min(begin + p.partDepth, p.depth);
  let leftBase = batch * p.leftBatch;
  let rightBase = batch * p.rightBatch;
  var sums = array<vec4f, 4>();

  for (var k = begin; k < end; k += DEPTH) {
    // Neighbouring invocations read neighbouring addresses, whichever way a side lies.
    for (var e = lane; e < tileRows * DEPTH; e += 256u) {
      let lies = p.leftDepth == 1u;
      let r = select(e % tileRows, e / DEPTH, lies);
      let d = select(e / tileRows, e % DEPTH, lies);
      leftTile[d * PITCH + r] = leftAt(leftBase, firstRow + r, k + d, end);
    }
    for (var e = lane; e < COLUMNS * DEPTH; e += 256u) {
      let lies = p.rightDepth == 1u;
      let c = select(e % COLUMNS, e / DEPTH, lies);
      let d = select(e / COLUMNS, e % DEPTH, lies);
      rightTile[d * PITCH + c] = rightAt(rightBase, k + d, firstColumn + c, end);
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let c = d * PITCH + cell.x;
      let r = d * PITCH + cell.y;
      let row = vec4f(rightTile[c], rightTile[c + 16u], rightTile[c + 32u], rightTile[c + 48u]);
      sums[0] += leftTile[r] * row;
      if (rowGroups > 1u) {
        sums[1] += leftTile[r + 16u] * row;
      }
      if (rowGroups > 2u) {
        sums[2] += leftTile[r + 32u] * row;
      }
      if (rowGroups > 3u) {
        sums[3] += leftTile[r + 48u] * row;
      }
    }
    workgroupBarrier();
  }

  let base = group.z * p.rows * p.columns;
  for (var i = 0u; i < rowGroups; i++) {
    let r = firstRow + cell.y + i * 16u;
    for (var j = 0u; j < 4u; j++) {
      let c = firstColumn + cell.x + j * 16u;
      if (r < p.rows && c < p.columns) {
        var value = sums[i][j];
        if (p.hasBias == 1u) {
          value += bias[c];
        }
        // Written so that NaN passes.
        product[base + r * p.columns + c] = select(value, 0.0, p.isRelu == 1u && value < 0.0);
      }
    }
  }
}
