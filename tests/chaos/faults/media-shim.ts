/**
 * A program named `ffmpeg` in front of the real one, for one worker. It is the real one until it is armed; each harm that
 * is armed befalls exactly one run, which writes down which attempt it belonged to, so that the fault knows whose end to
 * look at. One by one, so that no worker is a black hole that spends the budgets of a whole backlog.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from '@reelfleet/embedded';

/**
 * `hang`: no output and no progress, ends by SIGTERM. `stubborn`: the same, and ignores SIGTERM. `crash`: a segmentation
 * fault. `exit-139`: what a shell makes of one. `lie-empty`: exit 0 and nothing written. `lie-short`: exit 0 and half of
 * the file. `lie-noise`: exit 0 and something that is no media file. `flood`: 100 MB of stderr, then the real one.
 * `starve`: so little address space that allocations fail. `drown`: as much memory as a cgroup allows, and more.
 * `dawdle`: at work, with progress, for ever.
 */
export type Harm =
  | 'hang'
  | 'stubborn'
  | 'crash'
  | 'exit-139'
  | 'lie-empty'
  | 'lie-short'
  | 'lie-noise'
  | 'flood'
  | 'starve'
  | 'drown'
  | 'dawdle';

/** A run that was harmed. */
export interface Harmed {
  readonly harm: Harm;
  readonly pid: number;
  readonly task: string;
  readonly version: number;
}

export interface Shim {
  /** Settings of the worker whose ffmpeg it shall be. */
  readonly env: Readonly<Record<string, string>>;
  /** The next runs suffer these, one each, in this order. */
  arm(...harms: readonly Harm[]): void;
  /** What is still armed befalls nobody. */
  disarm(): void;
  harmed(): Harmed[];
}

// Plain sh, so that it costs a millisecond when it does nothing. `$$` is the pid that `exec` hands on.
const script = (folder: string, real: string, cgroup: string | null) => `#!/bin/sh
real='${real}'
for armed in '${folder}'/armed-????; do
  [ -e "$armed" ] || exec "$real" "$@"
  # Whoever gets to rename it has it.
  mv "$armed" "$armed.$$" 2>/dev/null || continue
  read -r harm < "$armed.$$"
  attempt=$(printf '%s %s' "$PWD" "$*" | grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]+' | tail -1)
  echo "$harm $$ $attempt" > '${folder}/new.'$$ && mv '${folder}/new.'$$ '${folder}/harmed.'$$
  for out in "$@"; do :; done
  out=\${out#file:}
  case $harm in
    hang) exec sleep 600 ;;
    stubborn) trap '' TERM; while :; do sleep 1; done ;;
    crash) ulimit -c 0; kill -s SEGV $$; sleep 5 ;;
    exit-139) echo 'Segmentation fault' >&2; exit 139 ;;
    lie-empty) exit 0 ;;
    lie-short)
      "$real" "$@" > '${folder}/said.'$$ || exit $?
      if [ -f "$out" ]; then
        head -c $(($(wc -c < "$out") / 2)) "$out" > "$out.half" && mv "$out.half" "$out"
      fi
      head -c $(($(wc -c < '${folder}/said.'$$) / 2)) '${folder}/said.'$$
      exit 0 ;;
    lie-noise) [ "$out" = - ] || head -c 20000 /dev/urandom > "$out"; exit 0 ;;
    flood) head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 200 >&2; exec "$real" "$@" ;;
    starve) exec prlimit --as=60000000 "$real" "$@" ;;
    drown) echo $$ > '${cgroup}/cgroup.procs'; exec "$real" "$@" ;;
    dawdle) exec "$real" -nostdin -v quiet -stats_period 0.2 -progress pipe:3 -re -f lavfi -i color=s=16x16:r=5 -f null - ;;
  esac
done
exec "$real" "$@"
`;

/** Puts a shim into a folder of its own. `cgroup`: where `drown` goes. */
export function openShim(parent: string, { cgroup = null }: { cgroup?: string | null } = {}): Shim & { close(): void } {
  const folder = mkdtempSync(join(parent, 'shim-'));
  chmodSync(folder, 0o755);
  const real = findOnPath('ffmpeg', process.env);
  if (real === undefined) throw new Error('there is no ffmpeg on PATH');
  writeFileSync(join(folder, 'ffmpeg'), script(folder, real, cgroup), { mode: 0o755 });
  let count = 0;
  return {
    env: { PATH: `${folder}:${process.env.PATH}` },
    arm(...harms) {
      for (const harm of harms) {
        count += 1;
        const name = String(count).padStart(4, '0');
        // Appears whole: the shim must never read a name that is not written yet.
        writeFileSync(join(folder, `new-${name}`), `${harm}\n`);
        renameSync(join(folder, `new-${name}`), join(folder, `armed-${name}`));
      }
    },
    disarm() {
      for (const name of readdirSync(folder)) if (/^armed-\d+$/.test(name)) rmSync(join(folder, name), { force: true });
    },
    harmed: () =>
      readdirSync(folder)
        .filter((name) => name.startsWith('harmed.'))
        .map((name) => {
          const [harm, pid, attempt = ''] = readFileSync(join(folder, name), 'utf8').trim().split(' ');
          return {
            harm: harm as Harm,
            pid: Number(pid),
            task: attempt.slice(0, 36),
            version: Number(attempt.slice(37)),
          };
        }),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whether a process runs; one that only waits to be reaped does not. */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    // No such process, or no /proc on this system: then it is asked by a signal.
  }
  if (process.platform === 'linux') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
