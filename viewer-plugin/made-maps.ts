// The maps from particles as layers: which are shown, at which contour, in which colour. No DOM, no Mol*.
import { BehaviorSubject } from 'rxjs';
import type { MadeMap } from '../protocol/messages.js';
import { categoryColour } from './panels/categories.js';

export interface MapLayer {
  map: MadeMap;
  visible: boolean;
  /** Absolute, in the map's own values. */
  contour: number;
  /** 0xRRGGBB */
  colour: number;
}

/** NAME_002 and so on: maps of a series would hide each other. */
const LATER_OF_SERIES = /_(?!001$)\d{3}$/;

export class MadeMaps {
  readonly layers$ = new BehaviorSubject<MapLayer[]>([]);
  private isFirst = true;

  /** Takes the project's list over. A map that comes while the page is open is shown, of a series the first; one that was there before waits to be asked for. */
  update(maps: readonly MadeMap[]): void {
    const before = this.layers$.value;
    const layers: MapLayer[] = [];
    for (const map of maps) {
      const known = before.find(layer => layer.map.name === map.name);
      if (!known) {
        const colour = map.source?.cluster ? categoryColour(map.source.cluster - 1) : freeColour([...before, ...layers]);
        layers.push({ map, visible: !this.isFirst && !LATER_OF_SERIES.test(map.name), contour: map.contour, colour });
      } else if (known.map.version === map.version) layers.push({ ...known, map });
      // The whole map after the quick one: at its own contour, unless a person chose another.
      else layers.push({ ...known, map, contour: known.contour === known.map.contour ? map.contour : known.contour });
    }
    this.isFirst = false;
    if (JSON.stringify(layers) !== JSON.stringify(before)) this.layers$.next(layers);
  }

  /** Changes how a map is shown. */
  change(name: string, changed: Partial<Omit<MapLayer, 'map'>>): void {
    this.layers$.next(this.layers$.value.map(layer => (layer.map.name === name ? { ...layer, ...changed } : layer)));
  }
}

/** In which order maps that are of no cluster take their colours: first those that clusters seldom come to. */
const FREE_ORDER = [7, 8, 6, 9, 5, 4, 3, 2, 1, 0];

function freeColour(layers: readonly MapLayer[]): number {
  const colours = FREE_ORDER.map(categoryColour);
  return colours.find(colour => !layers.some(layer => layer.colour === colour)) ?? colours[layers.length % colours.length];
}

/** A name for a new map that none has: `wanted`, `wanted-2`, … */
export function freeMapName(wanted: string, maps: readonly Pick<MadeMap, 'name'>[]): string {
  // Room for a number of its own, and for that of a map in a series.
  const stem = wanted.slice(0, 50);
  const taken = (name: string) => maps.some(map => map.name === name || map.name === `${name}_001`);
  for (let k = 1; ; k++) {
    const name = k === 1 ? stem : `${stem}-${k}`;
    if (!taken(name)) return name;
  }
}
