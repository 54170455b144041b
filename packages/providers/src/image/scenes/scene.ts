/** What every scene is: a painter that fills a blank canvas from a brief. */
import type { Canvas } from '../canvas.ts';
import type { Light } from '../light.ts';
import type { Rng } from '../noise.ts';
import type { SceneBrief } from '../prompt.ts';

export interface Sitting {
  canvas: Canvas;
  brief: SceneBrief;
  light: Light;
  rng: Rng;
}

export interface Scene {
  /** Lays the picture down; the film (bloom, grade) comes after. */
  paint(sitting: Sitting): void;
  /** How strongly lights spill, 0..1. */
  bloom: number;
}
