/** The five documents Reelfleet was asked for, as data. */
import { metadata } from './metadata.ts';
import { moments } from './moments.ts';
import type { Seed } from './shape.ts';
import { studio } from './studio.ts';
import { tasks } from './tasks.ts';
import { vlog } from './vlog.ts';

export * from './shape.ts';
export const seeds: readonly Seed[] = [metadata, tasks, studio, moments, vlog];
