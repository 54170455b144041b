/** A request becomes pixels: read the prompt, choose the light, let the scene paint, develop. Pure and synchronous. */
import { makeCanvas } from './canvas.ts';
import { bloom, develop } from './film.ts';
import { gradeFor, lightFor } from './light.ts';
import { makeRng } from './noise.ts';
import { type Family, readPrompt } from './prompt.ts';
import { city } from './scenes/city.ts';
import { cosmos } from './scenes/cosmos.ts';
import { desert } from './scenes/desert.ts';
import { forest } from './scenes/forest.ts';
import { garden } from './scenes/garden.ts';
import { hall } from './scenes/hall.ts';
import { hearth } from './scenes/hearth.ts';
import { library } from './scenes/library.ts';
import { mountains } from './scenes/mountains.ts';
import { nightsky } from './scenes/nightsky.ts';
import { ocean } from './scenes/ocean.ts';
import type { Scene } from './scenes/scene.ts';
import { village } from './scenes/village.ts';

export interface Request {
  prompt: string;
  seed: number;
  width: number;
  height: number;
}

const scenes: Record<Family, Scene> = {
  mountains,
  ocean,
  forest,
  city,
  hall,
  library,
  hearth,
  nightsky,
  cosmos,
  village,
  desert,
  garden,
};

/** Paint `request` as RGB bytes. `report` hears how far it is, 0..1. */
export function paint(request: Request, report: (fraction: number) => void = () => {}): Uint8Array {
  const brief = readPrompt(request.prompt, request.seed);
  const light = lightFor(brief);
  const canvas = makeCanvas(request.width, request.height);
  const scene = scenes[brief.family];
  report(0.02);
  scene.paint({ canvas, brief, light, rng: makeRng(brief.seed).fork('scene') });
  report(0.7);
  bloom(canvas, scene.bloom);
  report(0.8);
  const bytes = develop(canvas, gradeFor(brief), brief.seed);
  report(0.9);
  return bytes;
}
