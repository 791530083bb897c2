// What a person has selected in the 3D view, as places of the resting molecule: atoms of the fitted model and Gaussians.
import { OrderedSet } from 'molstar/lib/mol-data/int.js';
import type { Model, Structure } from 'molstar/lib/mol-model/structure.js';
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import type { Representation } from 'molstar/lib/mol-repr/representation.js';
import { debounceTime, map, merge, NEVER, type Observable, switchMap, take } from 'rxjs';
import { REF } from './scene-options.js';

export interface SelectionCount {
  atoms: number;
  gaussians: number;
}

/** Bit of a Mol* marker that means selected. */
const SELECTED = 2;

export class SceneSelection {
  /** After each click and each change of the selection. */
  readonly changed: Observable<SelectionCount>;

  constructor(private readonly plugin: PluginContext) {
    const { managers, behaviors } = plugin;
    // Mol* keeps a list of selected atoms only; shapes are marked when the picture after the click is drawn.
    const drawn: Observable<unknown> = plugin.canvas3d?.didDraw ?? NEVER;
    const clicked = behaviors.interaction.click.pipe(switchMap(() => drawn.pipe(take(3))));
    this.changed = merge(managers.structure.selection.events.changed, clicked).pipe(
      debounceTime(50),
      map(() => this.count()),
    );
  }

  /** While on, a click selects what is under it and a second click takes it away; Mol* shows its own selection tools then. */
  setPicking(on: boolean): void {
    this.plugin.selectionMode = on;
  }

  clear(): void {
    this.plugin.managers.interactivity.lociSelects.deselectAll();
  }

  count(): SelectionCount {
    return { atoms: this.selectedElements().length, gaussians: this.gaussians().length };
  }

  /** 3n, Å: where the selected atoms are in the model's file, wherever the molecule has moved. */
  atoms(): Float32Array {
    const { cells } = this.plugin.state.data;
    const moved = cells.get(REF.movedModel);
    const model = moved && (cells.get(moved.transform.parent)?.obj?.data as Model | undefined);
    if (!model) return new Float32Array();
    const { x, y, z } = model.atomicConformation;
    return Float32Array.from(this.selectedElements().flatMap(i => [x[i], y[i], z[i]]));
  }

  /** Their indices, from 0. */
  gaussians(): number[] {
    const cell = this.plugin.state.data.cells.get(REF.spheres);
    const repr = cell?.obj?.data?.repr as Representation.Any | undefined;
    const markers = repr?.renderObjects[0]?.values.tMarker?.ref.value.array as Uint8Array | undefined;
    const count = repr?.renderObjects[0]?.values.uGroupCount?.ref.value as number | undefined;
    if (!markers || count === undefined || cell?.state.isHidden) return [];
    return Array.from({ length: count }, (_, i) => i).filter(i => markers[i] & SELECTED);
  }

  /** Rows of the model's file, from 0. */
  private selectedElements(): number[] {
    const structure = this.plugin.state.data.cells.get(REF.structure)?.obj?.data as Structure | undefined;
    if (!structure) return [];
    const loci = this.plugin.managers.structure.selection.getLoci(structure);
    if (loci.kind !== 'element-loci') return [];
    return loci.elements.flatMap(({ unit, indices }) => Array.from(OrderedSet.toArray(indices), index => unit.elements[index]));
  }
}
