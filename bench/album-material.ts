/** Stills and tracks, made once by the built-in providers before anything is measured, and providers that hand them out. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Providers } from '@reelfleet/core';
import { dummyImage, dummyMusic } from '@reelfleet/providers';

export interface Material {
  readonly seconds: number;
  still(orderIndex: number): string;
  track(orderIndex: number): string;
  readonly providers: Providers;
}

const moods = ['calm strings, slow', 'warm piano', 'bright harp, lively', 'dark choir pads'];
const scenes = [
  'misty mountains at dawn',
  'old library by candlelight',
  'city in the rain at night',
  'quiet sea under stars',
];

/** Two at a time, as a worker with two slots. */
export async function twoAtATime<T>(count: number, work: (orderIndex: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 1;
  const lane = async () => {
    while (next <= count) {
      const orderIndex = next;
      next += 1;
      results[orderIndex - 1] = await work(orderIndex);
    }
  };
  await Promise.all([lane(), lane()]);
  return results;
}

export async function makeMaterial(
  folder: string,
  { tracks, seconds, width, height }: { tracks: number; seconds: number; width: number; height: number },
): Promise<Material> {
  const still = (orderIndex: number) => join(folder, `still-${orderIndex}.png`);
  const track = (orderIndex: number) => join(folder, `track-${orderIndex}.wav`);
  await twoAtATime(tracks, async (orderIndex) => {
    const at = <T>(list: readonly T[]) => list[(orderIndex - 1) % list.length] as T;
    await dummyMusic.generate({ prompt: at(moods), seconds, seed: orderIndex }, { path: track(orderIndex) });
    await dummyImage.generate({ prompt: at(scenes), seed: orderIndex, width, height }, { path: still(orderIndex) });
  });
  return {
    seconds,
    still,
    track,
    providers: {
      music: {
        name: 'dummy',
        async generate({ seed }, { path }) {
          await copyFile(track(seed), path);
          return { providerId: null, licenseUrl: null };
        },
      },
      image: {
        name: 'dummy',
        async generate({ seed }, { path }) {
          await copyFile(still(seed), path);
          return { providerId: null };
        },
      },
      language: {
        name: 'none',
        model: 'none',
        planAlbum: () => Promise.reject(new Error('the benchmark plans no prompts')),
        findMoments: () => Promise.reject(new Error('the benchmark finds no moments')),
        scoreMoments: () => Promise.reject(new Error('the benchmark finds no moments')),
        refineMoments: () => Promise.reject(new Error('the benchmark finds no moments')),
      },
      speech: { missing: 'the benchmark hears nothing' },
      web: { open: () => Promise.reject(new Error('the benchmark opens no address')) },
    },
  };
}
