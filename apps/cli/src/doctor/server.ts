/** Checks of the server, and of what the files' store means for a fleet on several machines. */
import type { Settings } from '@reelfleet/config';
import { readRunFile } from '@reelfleet/worker';
import { originOf } from '../up/port.ts';
import { type Finding, failed, note, ok, warning } from './check.ts';

const WITHIN_MS = 4_000;

/** Asks the server of this machine: the one that `up` started, or the one of HOST and PORT. */
export async function checkServer(settings: Settings): Promise<Finding> {
  const run = readRunFile(settings.REELFLEET_DATA);
  const origin = originOf(run?.host ?? settings.HOST, run?.port ?? settings.PORT);
  let answer: Response;
  try {
    answer = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(WITHIN_MS) });
  } catch {
    return note('server', `none answers at ${origin}`, 'start one with "reelfleet server", or see to HOST and PORT');
  }
  return judgeServer(origin, answer.status, await answer.json().catch(() => null));
}

/** Pure. `told` is what `/readyz` answered. */
export function judgeServer(origin: string, status: number, told: unknown): Finding {
  const { parts, detail } = (told ?? {}) as { parts?: unknown; detail?: unknown };
  if (typeof parts !== 'object' || parts === null) {
    return warning('server', `something else answers at ${origin}`, 'choose another PORT for the server');
  }
  if (status === 200) return ok('server', `${origin} is ready`);
  return failed('server', `${origin} is not ready: ${String(detail)}`, 'see to what it names; it recovers by itself');
}

/** `hosts` are those of the workers that beat. Null when there is nothing to say. Pure. */
export function judgeReach(storageUrl: string, hosts: readonly (string | null)[]): Finding | null {
  const known = [...new Set(hosts.filter((host) => host !== null))].sort();
  if (!storageUrl.startsWith('file:') || known.length < 2) return null;
  return warning(
    'store’s reach',
    `${storageUrl} is a folder, and workers beat from ${known.length} hosts: ${known.slice(0, 5).join(', ')}${known.length > 5 ? ', …' : ''}`,
    'mount the same folder at this path on all of them (and where the server runs), or set STORAGE_URL to gs://bucket/prefix',
  );
}
