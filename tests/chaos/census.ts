/**
 * What the machine says about the yard's processes, by /proc: memory and descriptors of the workers over time, programs
 * they have started, folders they have left. Where there is no /proc it knows nothing, and says so.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export const censusMissing = (): string | null =>
  existsSync('/proc/self/statm') ? null : 'this system has no /proc, so memory, descriptors and programs are not seen';

export interface Sample {
  readonly at: number;
  readonly memoryMb: number;
  readonly descriptors: number;
  readonly sockets: number;
}

const PAGE_BYTES = 4_096;

/** Null when the process has gone. */
export function sample(pid: number): Sample | null {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed between two looks
      }
    });
    return {
      at: performance.now(),
      memoryMb: (pages * PAGE_BYTES) / 2 ** 20,
      descriptors: targets.length,
      sockets: targets.filter((target) => target.startsWith('socket:')).length,
    };
  } catch {
    return null;
  }
}

/** A program at work in the scratch folder, and for which attempt. */
export interface Program {
  readonly pid: number;
  readonly command: string;
  readonly taskId: string | null;
  readonly version: number | null;
}

/** ffmpeg and ffprobe at work below `scratch`. */
export function programs(scratch: string): Program[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const where = `${command} ${readlinkSync(`/proc/${name}/cwd`)}`;
      if (!/ff(mpeg|probe)/.test(command) || !where.includes(scratch)) return [];
      const [, taskId = null, version = null] = /\/worker-[^/]+\/([0-9a-f-]{36})-(\d+)/.exec(where) ?? [];
      return [{ pid: Number(name), command, taskId, version: version === null ? null : Number(version) }];
    } catch {
      return []; // it has ended, or is another user's
    }
  });
}

/** Worker folders in `scratch` whose owner is not among the living. */
export function orphanedScratch(scratch: string, living: readonly number[]): string[] {
  return readdirSync(scratch)
    .filter((name) => name.startsWith('worker-') || name.startsWith('.worker-'))
    .filter((name) => {
      try {
        const { pid } = JSON.parse(readFileSync(join(scratch, name, 'owner.json'), 'utf8')) as { pid: number };
        return !living.includes(pid);
      } catch {
        return true;
      }
    });
}

/** How one process grew: what it needed when it had warmed up, and its last level. */
export interface Growth {
  readonly warm: Omit<Sample, 'at'>;
  readonly last: Omit<Sample, 'at'>;
}

const WARM_UP_MS = 20_000;
const LEVEL_SAMPLES = 5;

/**
 * The highest level in the first third of its life after warm-up (an outage then would make any later level look grown),
 * and the level at its end; null when it did not live long enough. Pure.
 */
export function growth(samples: readonly Sample[]): Growth | null {
  const first = samples[0];
  if (!first) return null;
  const warmed = samples.filter(({ at }) => at - first.at >= WARM_UP_MS);
  if (warmed.length < 2 * LEVEL_SAMPLES) return null;
  const early = Math.max(LEVEL_SAMPLES, Math.floor(warmed.length / 3));
  const levels: Omit<Sample, 'at'>[] = [];
  for (let from = 0; from + LEVEL_SAMPLES <= early; from += LEVEL_SAMPLES) {
    levels.push(level(warmed.slice(from, from + LEVEL_SAMPLES)));
  }
  const highest = (pick: (one: Omit<Sample, 'at'>) => number) => Math.max(...levels.map(pick));
  return {
    warm: {
      memoryMb: highest(({ memoryMb }) => memoryMb),
      descriptors: highest(({ descriptors }) => descriptors),
      sockets: highest(({ sockets }) => sockets),
    },
    last: level(warmed.slice(-LEVEL_SAMPLES)),
  };
}

function level(samples: readonly Sample[]): Omit<Sample, 'at'> {
  const median = (pick: (sample: Sample) => number) =>
    samples.map(pick).sort((a, b) => a - b)[Math.floor(samples.length / 2)] as number;
  return {
    memoryMb: median(({ memoryMb }) => memoryMb),
    descriptors: median(({ descriptors }) => descriptors),
    sockets: median(({ sockets }) => sockets),
  };
}

/**
 * What is no longer flat. Generous: V8 grows its heap while it may, and a worker that lost its connections a moment ago
 * has some more or fewer than before. A leak of one socket per attempt or per reconnect is far beyond it in ten minutes.
 */
export function leaksOf({ warm, last }: Growth): string[] {
  const found: string[] = [];
  if (last.memoryMb > warm.memoryMb * 1.5 + 80)
    found.push(`memory grew from ${Math.round(warm.memoryMb)} to ${Math.round(last.memoryMb)} MB`);
  if (last.descriptors > warm.descriptors + 30)
    found.push(`descriptors grew from ${warm.descriptors} to ${last.descriptors}`);
  if (last.sockets > warm.sockets + 15) found.push(`sockets grew from ${warm.sockets} to ${last.sockets}`);
  return found;
}
