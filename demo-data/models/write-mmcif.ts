// Writes an atomic model as mmCIF that Mol*, ChimeraX and gemmi read: atoms, chains as entities of their own, helix records.

import type { AtomicModel } from './atomic-model.js';

/** The text of the file; coordinates in Å with three decimals. `title` is one line. */
export function formatMmcif(id: string, title: string, model: AtomicModel): string {
  const chains = [...new Set(model.atoms.map(atom => atom.chain))];
  const entity = new Map(chains.map((chain, i) => [chain, i + 1]));
  const residues = new Map<string, { chain: string; number: number; name: string }>();
  for (const atom of model.atoms)
    residues.set(`${atom.chain} ${atom.residueNumber}`, { chain: atom.chain, number: atom.residueNumber, name: atom.residueName });
  const lines = [`data_${id}`, '#', `_entry.id ${id}`, `_struct.entry_id ${id}`, `_struct.title ${quote(title)}`, '#'];
  lines.push(
    'loop_',
    '_entity.id',
    '_entity.type',
    '_entity.pdbx_description',
    ...chains.map(chain => `${entity.get(chain)} polymer ${quote(`chain ${chain}`)}`),
    '#',
  );
  lines.push('loop_', '_entity_poly.entity_id', '_entity_poly.type', ...chains.map(chain => `${entity.get(chain)} polypeptide(L)`), '#');
  lines.push('loop_', '_entity_poly_seq.entity_id', '_entity_poly_seq.num', '_entity_poly_seq.mon_id');
  for (const residue of residues.values()) lines.push(`${entity.get(residue.chain)} ${residue.number} ${residue.name}`);
  lines.push('#', 'loop_', '_struct_asym.id', '_struct_asym.entity_id', ...chains.map(chain => `${chain} ${entity.get(chain)}`), '#');
  const helixColumns = [
    'conf_type_id',
    'id',
    'beg_label_comp_id',
    'beg_label_asym_id',
    'beg_label_seq_id',
    'end_label_comp_id',
    'end_label_asym_id',
    'end_label_seq_id',
    'beg_auth_comp_id',
    'beg_auth_asym_id',
    'beg_auth_seq_id',
    'end_auth_comp_id',
    'end_auth_asym_id',
    'end_auth_seq_id',
    'pdbx_PDB_helix_class',
    'pdbx_PDB_helix_length',
  ];
  if (model.helices.length > 0) {
    lines.push('loop_', ...helixColumns.map(column => `_struct_conf.${column}`));
    model.helices.forEach((helix, i) => {
      const [first, last] = [helix.first, helix.last].map(
        number => `${residues.get(`${helix.chain} ${number}`)!.name} ${helix.chain} ${number}`,
      );
      lines.push(`HELX_P HELX_P${i + 1} ${first} ${last} ${first} ${last} 1 ${helix.last - helix.first + 1}`);
    });
    lines.push('#', '_struct_conf_type.id HELX_P', '#');
  }
  const atomColumns = [
    'group_PDB',
    'id',
    'type_symbol',
    'label_atom_id',
    'label_alt_id',
    'label_comp_id',
    'label_asym_id',
    'label_entity_id',
    'label_seq_id',
    'pdbx_PDB_ins_code',
    'Cartn_x',
    'Cartn_y',
    'Cartn_z',
    'occupancy',
    'B_iso_or_equiv',
    'auth_seq_id',
    'auth_comp_id',
    'auth_asym_id',
    'auth_atom_id',
    'pdbx_PDB_model_num',
  ];
  lines.push('loop_', ...atomColumns.map(column => `_atom_site.${column}`));
  model.atoms.forEach((atom, i) => {
    const place = [atom.x, atom.y, atom.z].map(value => value.toFixed(3)).join(' ');
    const code = atom.insertionCode || '?';
    lines.push(
      `${atom.group} ${i + 1} ${atom.element} ${quote(atom.name)} . ${atom.residueName} ${atom.chain} ${entity.get(atom.chain)} ${atom.residueNumber} ${code} ${place} 1.00 30.00 ${atom.residueNumber} ${atom.residueName} ${atom.chain} ${quote(atom.name)} 1`,
    );
  });
  return `${lines.join('\n')}\n#\n`;
}

/** As one mmCIF word. */
function quote(text: string): string {
  if (/^[A-Za-z0-9][^\s'"#]*$/.test(text)) return text;
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
