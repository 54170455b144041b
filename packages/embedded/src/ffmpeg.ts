/** ffmpeg and ffprobe on this machine: found, or installed where we may. */
import { execFileSync } from 'node:child_process';
import { UserError } from '@reelfleet/core';
import { findOnPath, installWithApt, mayInstall, missingSentence } from './apt.ts';
import { throwIfStopped } from './lifeline.ts';

export interface Ffmpeg {
  /** Full paths. */
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** As ffmpeg gives it: `5.1.7-0+deb12u1`, `7.1`, `n8.0`. */
  readonly version: string;
}

/**
 * The ffmpeg on `env.PATH`; null unless both programs are there and ffmpeg starts. Throws UserError when a signal ended
 * it: a Ctrl-C tells nothing about whether it is there.
 */
export function findFfmpeg(env: NodeJS.ProcessEnv = process.env): Ffmpeg | null {
  const ffmpeg = findOnPath('ffmpeg', env);
  const ffprobe = findOnPath('ffprobe', env);
  if (ffmpeg === undefined || ffprobe === undefined) return null;
  try {
    const said = execFileSync(ffmpeg, ['-hide_banner', '-version'], { encoding: 'utf8', stdio: 'pipe', env });
    const version = /^ffmpeg version (\S+)/.exec(said)?.[1];
    return version === undefined ? null : { ffmpeg, ffprobe, version };
  } catch (error) {
    throwIfStopped(error, 'asking ffmpeg for its version');
    return null; // there, but it does not run: a library of it is missing, say
  }
}

/**
 * The ffmpeg of this machine, installed with apt when it is missing and we are root on Debian or Ubuntu. Otherwise
 * throws UserError: one sentence with the command for apt, brew and dnf. `log` gets short lines for people. Once
 * `signal` fires nothing more is begun; an installation under way ends first, so that no package is left half unpacked.
 */
export async function ensureFfmpeg({
  log = () => {},
  env = process.env,
  signal,
}: {
  log?: (message: string) => void;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
} = {}): Promise<Ffmpeg> {
  const found = findFfmpeg(env);
  if (found !== null) return found;
  const sentence = missingSentence('ffmpeg', { apt: 'ffmpeg', brew: 'ffmpeg', dnf: 'ffmpeg-free' });
  if (!mayInstall(env)) throw new UserError(sentence);
  await installWithApt(['ffmpeg'], log, { env, signal });
  const installed = findFfmpeg(env);
  if (installed === null)
    throw new UserError(`ffmpeg was installed but does not start: run "ffmpeg -version" to see why`);
  return installed;
}
