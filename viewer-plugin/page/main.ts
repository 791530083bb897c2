// Starts the page: the link to the daemon, the panels at once, and the 3D view as soon as Mol* is ready.
import { SOCKET_PATH } from '../../protocol/messages.js';
import { DaemonLink } from '../daemon-link.js';
import { Flight } from '../flight.js';
import { AnalysisBar } from '../panels/analysis-bar.js';
import { clusterEnds } from '../panels/cluster-ends.js';
import { clusterLegend } from '../panels/cluster-legend.js';
import { Coordinates } from '../panels/coordinates.js';
import { element, iconButton } from '../panels/dom.js';
import { LatentPlot } from '../panels/latent-plot.js';
import { layersPanel } from '../panels/layers-panel.js';
import { mapsPanel } from '../panels/maps-panel.js';
import { motionsPanel } from '../panels/motions-panel.js';
import { pathPanel } from '../panels/path-panel.js';
import { pathProfilePanel } from '../panels/path-profile.js';
import { reportsPanel } from '../panels/reports-panel.js';
import { runPanel } from '../panels/run-panel.js';
import { awayBanner, header, readout } from '../panels/status.js';
import { createTheme, toggleTheme } from '../panels/theme.js';
import { TrainingCurve } from '../panels/training-curve.js';
import { PathLoop } from '../path-loop.js';
import { MolecularScene } from '../scene.js';
import { Session } from '../session.js';
import { daemonAddress } from './daemon-address.js';

const ICONS = {
  theme: 'M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 3v14M10 6.5a3.5 3.5 0 0 1 0 7',
  camera: 'M3 6.5h3l1.2-2h5.6l1.2 2h3v9H3zM10 8.3a2.7 2.7 0 1 0 0 5.4a2.7 2.7 0 1 0 0-5.4',
  centre: 'M10 6.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M10 2v3M10 15v3M2 10h3M15 10h3',
  panels: 'M3 4h14v12H3zM12.5 4v12',
};

const place = (id: string) => document.getElementById(id)!;
const address = daemonAddress(location.href, SOCKET_PATH);
const session = new Session(new DaemonLink({ url: address.socket }));
const loop = new PathLoop(session);
const theme$ = createTheme();
let scene: MolecularScene | null = null;

const flight = new Flight(session);
/** A person takes the point in hand. */
const stopLoop = () => {
  loop.stop();
  flight.stop();
};
const themeButton = iconButton('Light or dark', ICONS.theme, () => toggleTheme(theme$));
const centreButton = iconButton('Show the whole molecule', ICONS.centre, () => scene?.resetCamera());
const shotButton = iconButton('Save a picture of the view', ICONS.camera, () => void savePicture());
let molstarPanels = false;
const panelsButton = iconButton('Mol*’s own panels', ICONS.panels, () => {
  molstarPanels = !molstarPanels;
  panelsButton.setAttribute('aria-pressed', String(molstarPanels));
  scene?.showMolstarPanels(molstarPanels);
});
const sceneButtons = [centreButton, shotButton, panelsButton];
for (const button of sceneButtons) button.disabled = true;

header(place('head'), session, themeButton);
place('tools').append(...sceneButtons);
runPanel(place('run'), session);
const analyses = new AnalysisBar(session, what => plot.show(what === 'umap' ? { basis: 'umap' } : { colour: 'cluster' }));
const plot = new LatentPlot(place('plot'), session, theme$, stopLoop, () => analyses.open('umap'), analyses.host);
const legend = element('div', { class: 'clusters' });
plot.belowSupport.append(legend);
const updateLegend = clusterLegend(legend, session, flight, () => plot.axes$.value.colour === 'cluster');
plot.axes$.subscribe(updateLegend);
place('plot').append(analyses.form);
new Coordinates(place('coordinates'), session, plot.axes$, theme$, stopLoop);
pathPanel(place('path'), session, loop);
clusterEnds(place('path'), session);
pathProfilePanel(place('path'), session, theme$, stopLoop);
motionsPanel(place('motions'), session, loop);
layersPanel(place('layers'), session);
mapsPanel(place('layers'), session);
reportsPanel(place('reports'), session);
new TrainingCurve(place('training'), session, theme$);
awayBanner(place('away'), session, isRefused);
readout(place('readout'), session);
addEventListener('online', () => session.link.retryNow());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') session.link.retryNow();
});
// For scripts in the browser's console and for tests: what the panels call, they can call.
Object.assign(globalThis, { limber: { session, loop, scene: () => scene } });
void startScene();

async function startScene(): Promise<void> {
  const host = place('molstar');
  try {
    const made = await MolecularScene.create(host, { background: theme$.value });
    // Without WebGL, Mol* starts all the same, with nothing to draw on.
    if (!made.plugin.canvas3d) throw new Error('there is no WebGL 2');
    scene = made;
  } catch (error) {
    const title = element('strong', {}, 'The 3D view cannot start');
    const cure = `: ${(error as Error).message}. It needs a current browser with hardware acceleration switched on.`;
    place('view').append(element('div', { class: 'view-failure', role: 'alert' }, element('p', {}, title, cure)));
    host.hidden = true;
    return;
  }
  for (const button of sceneButtons) button.disabled = false;
  session.attach({ scene, fetchUrl: address.file, options: scene.options });
  theme$.subscribe(background => session.setOptions({ background }));
  document.documentElement.dataset.scene = 'ready';
}

/** True when the daemon is there but does not know this page's token any more. */
async function isRefused(): Promise<boolean> {
  try {
    return (await fetch(location.href, { method: 'HEAD', cache: 'no-store' })).status === 401;
  } catch {
    return false;
  }
}

async function savePicture(): Promise<void> {
  if (!scene) return;
  shotButton.disabled = true;
  try {
    const z = session.z$.value.map(value => value.toFixed(3)).join('_');
    const name = [session.project$.value?.name, session.run$.value?.name, z]
      .filter(Boolean)
      .join('-')
      .replace(/[^\w.+-]+/g, '-');
    element('a', { href: await scene.screenshot(), download: `${name || 'limber'}.png` }).click();
  } catch (error) {
    session.failure$.next({ run: null, message: `the picture could not be made: ${(error as Error).message}` });
  } finally {
    shotButton.disabled = false;
  }
}
