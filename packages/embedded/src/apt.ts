/** Programs of the system that Reelfleet needs and npm cannot bring: found on the PATH, or installed where we may. */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { messageOf, UserError } from '@reelfleet/core';

/** The full path of a program, or undefined when no folder of `env.PATH` has it. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return undefined;
}

/** May this process install packages: is it root on Debian or one of its children? */
export function mayInstall(env: NodeJS.ProcessEnv): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  if (findOnPath('apt-get', env) === undefined) return false;
  try {
    return /^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** One sentence that says what is missing and gives the one command for apt, brew and dnf. */
export function missingSentence(what: string, packages: { apt: string; brew: string; dnf: string }): string {
  return (
    `${what} is missing: install it with "sudo apt-get install -y ${packages.apt}" (Debian, Ubuntu), ` +
    `"brew install ${packages.brew}" (macOS) or "sudo dnf install -y ${packages.dnf}" (Fedora)`
  );
}

/**
 * Installs Debian packages; the output is kept back and its errors are told. Throws UserError when apt fails. `signal`
 * ends it before packages are touched, and not while they are.
 */
export async function installWithApt(
  packages: readonly string[],
  log: (message: string) => void,
  { env = process.env, signal }: { env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  log(`installing ${packages.join(', ')} with apt (a minute or two)`);
  const began = Date.now();
  // An old list may name versions that the mirror no longer has; a list that cannot be had may still do.
  const update = await aptGet(['update'], env);
  signal?.throwIfAborted();
  const install = await aptGet(['install', '-y', '--no-install-recommends', ...packages], env);
  if (install.code !== 0) {
    const why = errorsOf(install.said) || errorsOf(update.said) || `apt-get ended with ${install.code}`;
    throw new UserError(
      `apt-get could not install ${packages.join(', ')} (${why}): run "apt-get update && apt-get install -y ${packages.join(' ')}" and see what it needs`,
    );
  }
  log(`installed ${packages.join(', ')} in ${Math.round((Date.now() - began) / 1000)} s`);
}

/** The lines of apt's output that say what went wrong, in one line. */
export function errorsOf(said: string): string {
  const lines = said.split('\n').filter((line) => /^(E|Err):/.test(line));
  return lines.slice(-2).join('; ');
}

function aptGet(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number | null; said: string }> {
  return new Promise((done, fail) => {
    const child = spawn('apt-get', args, {
      env: {
        ...env,
        DEBIAN_FRONTEND: 'noninteractive',
        LC_ALL: 'C.UTF-8',
        // Runlevel 1 keeps packages from starting their services: we want the program redis-server, not a server on 6379.
        RUNLEVEL: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // the terminal's Ctrl-C is for us: dpkg must not be left half-way
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-20_000);
      });
    }
    child.once('error', (cause) => fail(new UserError(`apt-get did not start: ${messageOf(cause)}`, { cause })));
    child.once('close', (code) => done({ code, said }));
  });
}
