// out[batch, part, rows, columns] = left · right over the part's share of the depth; where the depth is one part, + bias and ReLU.
//
// Either side may lie transposed: element (r, k) of left is at r · leftRow + k · leftDepth, (k, c) of right at k · rightDepth + c · rightColumn.
// A workgroup makes 32 or 64 rows of 64 columns, each of its 8 × 8 invocations 4 or 8 rows of 8 columns, so that it reads three or four groups of four numbers for 32 or 64 products.
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

/** 1 or 2: a tile has 32 times as many rows. */
override rowGroups: u32 = 1u;
const COLUMNS = 64u;
const DEPTH = 16u;
/** One more than a tile's groups of four: a column of the tile then falls on different memory banks. */
const PITCH = 17u;
/** At d · PITCH + i the rows or columns 4i to 4i + 3. */
var<workgroup> leftTile: array<vec4f, 272>;
var<workgroup> rightTile: array<vec4f, 272>;

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

fn write(row: u32, c: u32, sum: f32) {
  if (c >= p.columns) {
    return;
  }
  var value = sum;
  if (p.hasBias == 1u) {
    value += bias[c];
  }
  // Written so that NaN passes.
  product[row + c] = select(value, 0.0, p.isRelu == 1u && value < 0.0);
}

/** Columns c to c + 3, and those 32 further on, of one row. */
fn writeRow(layer: u32, r: u32, c: u32, near: vec4f, far: vec4f) {
  if (r >= p.rows) {
    return;
  }
  let row = (layer * p.rows + r) * p.columns;
  write(row, c, near.x);
  write(row, c + 1u, near.y);
  write(row, c + 2u, near.z);
  write(row, c + 3u, near.w);
  write(row, c + 32u, far.x);
  write(row, c + 33u, far.y);
  write(row, c + 34u, far.z);
  write(row, c + 35u, far.w);
}

/** The same of rows r to r + 3. One by one, so that no index is computed and all sums stay in registers. */
fn writeRows(layer: u32, r: u32, c: u32, near: mat4x4f, far: mat4x4f) {
  writeRow(layer, r, c, near[0], far[0]);
  writeRow(layer, r + 1u, c, near[1], far[1]);
  writeRow(layer, r + 2u, c, near[2], far[2]);
  writeRow(layer, r + 3u, c, near[3], far[3]);
}

/** [i] is rows[i] · columns. */
fn outer(rows: vec4f, columns: vec4f) -> mat4x4f {
  return mat4x4f(rows.x * columns, rows.y * columns, rows.z * columns, rows.w * columns);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) cell: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = 8u * rowGroups;
  let firstColumn = group.x * COLUMNS;
  let firstRow = group.y * 4u * quads;
  let batch = group.z / p.parts;
  let part = group.z % p.parts;
  let begin = part * p.partDepth;
  let end = min(begin + p.partDepth, p.depth);
  let leftBase = batch * p.leftBatch;
  let rightBase = batch * p.rightBatch;
  /** [i]: of row 4y + i the columns 4x to 4x + 3, and those 32 further on; then of the row 32 further down. */
  var near = mat4x4f();
  var far = mat4x4f();
  var lowerNear = mat4x4f();
  var lowerFar = mat4x4f();

  for (var k = begin; k < end; k += DEPTH) {
    // Neighbouring invocations read neighbouring addresses, whichever way a side lies.
    for (var e = lane; e < quads * DEPTH; e += 64u) {
      let lies = p.leftDepth == 1u;
      let i = select(e % quads, e / DEPTH, lies);
      let d = select(e / quads, e % DEPTH, lies);
      let r = firstRow + 4u * i;
      leftTile[d * PITCH + i] = vec4f(
        leftAt(leftBase, r, k + d, end),
        leftAt(leftBase, r + 1u, k + d, end),
        leftAt(leftBase, r + 2u, k + d, end),
        leftAt(leftBase, r + 3u, k + d, end),
      );
    }
    for (var e = lane; e < COLUMNS / 4u * DEPTH; e += 64u) {
      let lies = p.rightDepth == 1u;
      let i = select(e % (COLUMNS / 4u), e / DEPTH, lies);
      let d = select(e / (COLUMNS / 4u), e % DEPTH, lies);
      let c = firstColumn + 4u * i;
      rightTile[d * PITCH + i] = vec4f(
        rightAt(rightBase, k + d, c, end),
        rightAt(rightBase, k + d, c + 1u, end),
        rightAt(rightBase, k + d, c + 2u, end),
        rightAt(rightBase, k + d, c + 3u, end),
      );
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let rows = leftTile[d * PITCH + cell.y];
      let nearColumns = rightTile[d * PITCH + cell.x];
      let farColumns = rightTile[d * PITCH + cell.x + 8u];
      near += outer(rows, nearColumns);
      far += outer(rows, farColumns);
      if (rowGroups > 1u) {
        let lowerRows = leftTile[d * PITCH + cell.y + 8u];
        lowerNear += outer(lowerRows, nearColumns);
        lowerFar += outer(lowerRows, farColumns);
      }
    }
    workgroupBarrier();
  }

  let r = firstRow + 4u * cell.y;
  let c = firstColumn + 4u * cell.x;
  writeRows(group.z, r, c, near, far);
  if (rowGroups > 1u) {
    writeRows(group.z, r + 32u, c, lowerNear, lowerFar);
  }
}
