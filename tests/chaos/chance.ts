/** Chance from a number: the same number gives the same draws, on every machine. */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Chance } from './fault.ts';

/** `stream` tells apart those who draw from one seed at the same time. */
export function chanceOf(seed: number, stream = 0): Chance {
  const source = xoroshiro128plus(Math.imul(seed ^ 0x5eed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b));
  const integer = (low: number, high: number) => uniformInt(source, low, high);
  const some = <T>(from: readonly T[], count: number): T[] => {
    const left = [...from];
    return Array.from(
      { length: Math.min(count, left.length) },
      () => left.splice(integer(0, left.length - 1), 1)[0] as T,
    );
  };
  return {
    integer,
    pick(from) {
      if (from.length === 0) throw new Error('there is nothing to pick from');
      return from[integer(0, from.length - 1)] as (typeof from)[number];
    },
    some,
  };
}
