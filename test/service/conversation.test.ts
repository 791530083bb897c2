// What viewers ask and are told: answers are those of the real decoder and the real files, and nonsense gets an error, never a crash.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pack } from 'msgpackr';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { MAX_MESSAGE_BYTES } from '../../protocol/messages.js';
import { DIMS, GAUSSIANS, makeProject, makeRun, runSettings, serve, Viewer, writeWeights } from './small-project.js';

test('the first message says what the project is made of, so that a page needs to know nothing else', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'run-1');
  const { project } = await (await Viewer.connect(await serve(t, small))).next('project');
  assert.equal(project.name, 'small');
  assert.equal(project.contrast, -1);
  assert.deepEqual(project.map, {
    path: '/files/map',
    contour: 0.75,
    sizeVoxels: [8, 8, 8],
    voxelSizeAngstrom: [2, 2, 2],
    originAngstrom: [-4, 0, 6],
  });
  assert.deepEqual(project.model, { path: '/files/model', format: 'pdb', atoms: 2 });
  assert.equal(project.neutral, null);
  assert.deepEqual(project.runs, [
    {
      name: 'run-1',
      latentDims: 2,
      epoch: 2,
      epochs: 10,
      state: 'stopped',
      frc: 0.5,
      gaussians: GAUSSIANS,
      backend: 'cpu',
      particles: 5,
      copies: 1,
      vary: ['position'],
      focus: null,
      continueFrom: null,
      embeddingsVersion: '',
    },
  ]);
  assert.deepEqual(project.maps, []);
});

test('the map goes out as the bytes of a float32 MRC with plain axes, because Mol* misreads the rest', async t => {
  const small = makeProject(t);
  const service = await serve(t, small);
  const bytes = Buffer.from(await (await fetch(`http://127.0.0.1:${service.port}/files/map?token=${service.token}`)).arrayBuffer());
  const integers = (...words: number[]) => words.map(word => bytes.readInt32LE(4 * (word - 1)));
  assert.deepEqual(integers(1, 2, 3, 4), [8, 8, 8, 2]);
  assert.deepEqual(integers(5, 6, 7, 17, 18, 19), [0, 0, 0, 1, 2, 3]);
  assert.equal(bytes.toString('latin1', 208, 212), 'MAP ');
  const voxels = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 1024, bytes.byteOffset + bytes.length));
  assert.equal(bytes.readFloatLE(76), Math.min(...voxels));
  assert.equal(bytes.readFloatLE(80), Math.max(...voxels));
  const model = await (await fetch(`http://127.0.0.1:${service.port}/files/model?token=${service.token}`)).text();
  assert.equal(model, readFileSync(join(small.folder, 'model.pdb'), 'utf8'));
});

test("decode gives what the run's decoder gives at that point, with the fitted atoms moved when asked for", async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const viewer = await Viewer.connect(await serve(t, small));
  const expected = new LatentDecoder(run.weights()).decode([0.5, -1]);
  viewer.send({ type: 'decode', id: 7, run: 'run-1', z: [0.5, -1], atoms: false });
  const frame = await viewer.next('decoded');
  assert.equal(frame.id, 7);
  assert.equal(frame.epoch, 2);
  assert.deepEqual(frame.z, Float32Array.of(0.5, -1));
  assert.deepEqual([frame.positions, frame.amplitudes, frame.sigmas], [expected.positions, expected.amplitudes, expected.sigmas]);
  assert.equal(frame.atoms, null);

  // At the neutral point nothing has moved: the atoms lie where the model file has them.
  viewer.send({ type: 'decode', id: 8, run: 'run-1', z: [0, 0], atoms: true });
  const neutral = await viewer.next('decoded');
  const moved = neutral.atoms as Float32Array;
  // float32 of coordinates below ten.
  assert.ok(
    [1, 2, 3, 4, 5, 6].every((place, i) => Math.abs(moved[i] - place) < 1e-5),
    moved.join(' '),
  );
});

test('new weights answer from the next look on, because a run is watched while it trains', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'decode', id: 1, run: 'run-1', z: [1, 1], atoms: false });
  assert.equal((await viewer.next('decoded')).epoch, 2);
  writeWeights(run, 3);
  run.writeSettings(runSettings('run-1', { epoch: 3 }));
  await viewer.next('project', ({ project }) => project.runs[0].epoch === 3);
  const expected = new LatentDecoder(run.weights()).decode([1, 1]).positions;
  viewer.send({ type: 'decode', id: 2, run: 'run-1', z: [1, 1], atoms: false });
  const decoded = await viewer.next('decoded');
  assert.equal(decoded.epoch, 3);
  assert.deepEqual(decoded.positions, expected);
});

test('a viewer that rests is brought to the new weights, though the answer to its last scrub may have been of the former ones', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'decode', id: 1, run: 'run-1', z: [1, 1], atoms: false });
  await viewer.next('decoded');
  writeWeights(run, 3);
  run.writeSettings(runSettings('run-1', { epoch: 3 }));
  await viewer.next('project', ({ project }) => project.runs[0].epoch === 3);
  viewer.send({ type: 'scrub', sequence: 7, run: 'run-1', z: [1, 1], atoms: false });
  const first = await viewer.next('frame');
  viewer.send({ type: 'frame-drawn', sequence: 7 });
  const last = first.epoch === 3 ? first : await viewer.next('frame');
  assert.deepEqual([last.sequence, last.epoch], [7, 3]);
  assert.deepEqual(last.positions, new LatentDecoder(run.weights()).decode([1, 1]).positions);
});

test('latents are those of the file, unknown correlations NaN, with principal axes that diagonalise their covariance', async t => {
  const small = makeProject(t);
  const table = makeRun(small.project, 'run-1', 200).latents();
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'get-latents', id: 3, run: 'run-1' });
  const answer = await viewer.next('latents');
  assert.deepEqual([answer.id, answer.count, answer.dims, answer.epoch], [3, 200, DIMS, 2]);
  assert.deepEqual([answer.z, answer.particle, answer.frc], [table.z, table.particle, table.frc]);
  assert.ok(Number.isNaN(answer.frc[0]));
  const { mean, axes, variances } = answer.pca;
  const along = (k: number, i: number) => axes[2 * k] * (table.z[2 * i] - mean[0]) + axes[2 * k + 1] * (table.z[2 * i + 1] - mean[1]);
  const covariance = (k: number, l: number) =>
    Array.from({ length: 200 }, (_, i) => along(k, i) * along(l, i)).reduce((a, b) => a + b) / 199;
  // float32 axes of numbers near one.
  for (const [value, expected] of [
    [covariance(0, 0), variances[0]],
    [covariance(1, 1), variances[1]],
    [covariance(0, 1), 0],
  ])
    assert.ok(Math.abs(value - expected) < 1e-6);
});

test('the training curve is that of losses.tsv', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'run-1');
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'get-epochs', id: 4, run: 'run-1' });
  assert.deepEqual((await viewer.next('epochs')).epochs, [
    { epoch: 1, frc: 0.1, loss: -0.1, seconds: 1 },
    { epoch: 2, frc: 0.2, loss: -0.2, seconds: 2 },
  ]);
});

test('what cannot be served is said with a code and the id of the question, and the connection goes on', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'run-1');
  const bare = small.project.run('bare');
  bare.writeSettings(runSettings('bare', { epoch: 0, frc: null }));
  const viewer = await Viewer.connect(await serve(t, small));
  const code = async (message: Parameters<Viewer['send']>[0] & { id: number }) => {
    viewer.send(message);
    return (await viewer.next('error', ({ id }) => id === message.id)).code;
  };
  assert.equal(await code({ type: 'get-latents', id: 1, run: 'nobody' }), 'no-such-run');
  assert.equal(await code({ type: 'get-epochs', id: 2, run: 'nobody' }), 'no-such-run');
  assert.equal(await code({ type: 'decode', id: 3, run: 'nobody', z: [0, 0], atoms: false }), 'no-such-run');
  assert.equal(await code({ type: 'decode', id: 4, run: 'run-1', z: [0], atoms: false }), 'bad-value');
  assert.equal(await code({ type: 'decode', id: 5, run: 'bare', z: [0, 0], atoms: false }), 'not-ready');
  assert.equal(await code({ type: 'get-latents', id: 6, run: 'bare' }), 'not-ready');
  assert.equal(await code({ type: 'cancel-job', id: 7, job: 'train-9' }), 'bad-value');
  viewer.send({ type: 'decode', id: 8, run: 'run-1', z: [0, 0], atoms: false });
  await viewer.next('decoded');
});

test('malformed and unknown messages get an error each; a viewer that sends a hundred is closed with 1008', async t => {
  const service = await serve(t, makeProject(t));
  const viewer = await Viewer.connect(service);
  viewer.socket.send(Buffer.from([0xc1, 1, 2]));
  assert.equal((await viewer.next('error')).code, 'malformed');
  viewer.socket.send('{"type":"get-latents"}');
  assert.match((await viewer.next('error')).message, /binary/);
  viewer.socket.send(pack({ type: 'fly', id: 6 }));
  const unknown = await viewer.next('error');
  assert.deepEqual([unknown.id, unknown.code], [6, 'unknown-type']);
  for (let i = 0; i < 97; i++) viewer.socket.send(Buffer.of(0xc1));
  assert.equal(await viewer.closed, 1008);
  await (await Viewer.connect(service)).next('project');
});

test('a message beyond the bound closes its connection with 1009 and no other', async t => {
  const service = await serve(t, makeProject(t));
  const [large, other] = [await Viewer.connect(service), await Viewer.connect(service)];
  large.socket.send(Buffer.alloc(MAX_MESSAGE_BYTES + 1));
  assert.equal(await large.closed, 1009);
  other.send({ type: 'get-epochs', id: 1, run: 'none' });
  assert.equal((await other.next('error')).id, 1);
});

test('many viewers are served side by side and hear of each epoch; one that lost its connection comes back to the whole picture', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const service = await serve(t, small);
  const viewers = await Promise.all(Array.from({ length: 20 }, () => Viewer.connect(service)));
  viewers[0].socket.terminate();
  run.writeLosses([1, 2, 3].map(epoch => ({ epoch, frc: epoch / 10, loss: -epoch / 10, seconds: epoch })));
  for (const viewer of viewers.slice(1)) {
    const { run: name, row, latentsReady } = await viewer.next('epoch');
    assert.deepEqual([name, row.epoch, latentsReady], ['run-1', 3, false]);
  }
  const back = await Viewer.connect(service);
  await back.next('project');
  back.send({ type: 'get-epochs', id: 1, run: 'run-1' });
  assert.equal((await back.next('epochs')).epochs.length, 3);
});

test('new latents are announced with the epoch they belong to, whoever wrote them, and a run that is deleted goes', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const viewer = await Viewer.connect(await serve(t, small));
  run.writeLatents(run.latents());
  const { row, latentsReady } = await viewer.next('epoch');
  assert.deepEqual([row.epoch, latentsReady], [2, true]);
  rmSync(run.path, { recursive: true });
  await viewer.next('project', ({ project }) => project.runs.length === 0);
});

test('closing the daemon closes every connection with 1001, so that viewers know it is no accident', async t => {
  const small = makeProject(t);
  const service = await serve(t, small);
  const viewer = await Viewer.connect(service);
  await service.close();
  assert.equal(await viewer.closed, 1001);
});
