/** What a piece of the album costs: wall clock, and of its ffmpeg processes CPU seconds and the most memory any of them took. */
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

export interface Cost {
  readonly wallSeconds: number;
  /** Null without GNU time, which tells them. */
  readonly cpuSeconds: number | null;
  readonly peakMb: number | null;
}

export interface CostMeter {
  /** What ffmpeg is to be started with. */
  readonly prefix: readonly string[];
  of<T>(work: () => Promise<T>): Promise<{ result: T; cost: Cost }>;
}

/** `usageFile`: where GNU time writes. All runs are niced, ours and theirs. */
export function openCostMeter(usageFile: string): CostMeter {
  const gnuTime = spawnSync('/usr/bin/time', ['-f', '%U', 'true']).status === 0;
  return {
    prefix: ['nice', '-n', '10', ...(gnuTime ? ['/usr/bin/time', '-a', '-o', usageFile, '-f', '%U %S %M'] : [])],
    async of(work) {
      await writeFile(usageFile, '');
      const from = performance.now();
      const result = await work();
      const wallSeconds = (performance.now() - from) / 1_000;
      const rows = (await readFile(usageFile, 'utf8')).split('\n').map((line) => line.split(' ').map(Number));
      const processes = rows.filter((row): row is [number, number, number] => row.length === 3);
      const cpuSeconds = processes.reduce((sum, [user, system]) => sum + user + system, 0);
      const peakMb = Math.max(...processes.map(([, , kilobytes]) => kilobytes / 1_024));
      return {
        result,
        cost: { wallSeconds, cpuSeconds: gnuTime ? cpuSeconds : null, peakMb: gnuTime ? peakMb : null },
      };
    },
  };
}

export const costSum = (costs: readonly Cost[]): Cost => {
  const add = (values: readonly (number | null)[]) =>
    values.includes(null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const peaks = costs.map(({ peakMb }) => peakMb);
  return {
    wallSeconds: add(costs.map(({ wallSeconds }) => wallSeconds)) ?? Number.NaN,
    cpuSeconds: add(costs.map(({ cpuSeconds }) => cpuSeconds)),
    peakMb: peaks.includes(null) ? null : Math.max(...peaks.map((peak) => peak ?? 0)),
  };
};
