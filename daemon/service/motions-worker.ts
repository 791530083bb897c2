// The thread that measures motions: keeps the run asked for last, since its decoder and the map to its halves take seconds to read.
import { ProjectFolder } from '../project/project-folder.js';
import { motionBetween } from '../training/motions/motion-between.js';
import { jointMotions, ownMotions } from '../training/motions/own-motions.js';
import { type Region, readRegionMask, regionOfMask } from '../training/motions/region.js';
import { RunMolecule } from '../training/motions/run-molecule.js';
import { answerQuestions } from './answer-questions.js';
import type { MotionAnswer, MotionQuestion, NamedMask } from './motions.js';

let kept: { name: string; molecule: RunMolecule; regions: Map<string, Region> } | null = null;

answerQuestions(answerTo);

function answerTo(question: MotionQuestion): MotionAnswer {
  const project = ProjectFolder.open(question.project);
  const name = `${question.run} ${question.version}`;
  if (kept?.name !== name) kept = { name, molecule: new RunMolecule(project.existingRun(question.run)), regions: new Map() };
  const { molecule, regions: known } = kept;
  const { epoch } = molecule.decoder;
  const regions = question.regions.map(mask => regionOf(mask, project, molecule, known));
  if (question.kind === 'measure') {
    const { rmsAngstrom, errorAngstrom, regions: turns } = motionBetween(molecule, question.from, question.to, regions);
    return { epoch, rmsAngstrom, errorAngstrom, regions: turns };
  }
  const own = regions.map(region => ownMotions(molecule, region, question.count));
  const joint = regions.length === 2 ? jointMotions(molecule, [regions[0], regions[1]], [own[0][0], own[1][0]]) : null;
  return { epoch, own, joint };
}

/** Masks are read once, until their file is replaced. */
function regionOf(mask: NamedMask, project: ProjectFolder, { neutral }: RunMolecule, known: Map<string, Region>): Region {
  const key = `${mask.path} ${mask.version}`;
  let region = known.get(key);
  if (!region) {
    region = regionOfMask(
      mask.name,
      readRegionMask(mask.path, project.settings.pixelSizeAngstrom, () => {}),
      neutral,
    );
    known.set(key, region);
  }
  return region;
}
