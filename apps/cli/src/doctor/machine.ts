/** Checks of this machine: Node, ffmpeg, speech, the scratch folder, the store. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Settings } from '@reelfleet/config';
import { messageOf, type Storage } from '@reelfleet/core';
import { findFfmpeg, missingSentence } from '@reelfleet/embedded';
import { speechReport } from '@reelfleet/providers';
import { bytes } from '../ui/format.ts';
import { type Finding, failed, missingFrom, note, ok, warning } from './check.ts';

const run = promisify(execFile);
const NODE = 24;
const ENCODERS = ['libx264', 'aac', 'mjpeg'];
const FILTERS = ['loudnorm', 'scale', 'blackdetect', 'silencedetect'];

export function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE) return ok('Node', process.version);
  return failed(
    'Node',
    `${process.version}, needed is ${NODE}`,
    'start it as "npx reelfleet" in the clone: that takes the pinned Node',
  );
}

export async function checkFfmpeg(): Promise<Finding> {
  const found = findFfmpeg();
  const cure = missingSentence('ffmpeg', { apt: 'ffmpeg', brew: 'ffmpeg', dnf: 'ffmpeg' });
  if (found === null) return failed('ffmpeg', 'ffmpeg or ffprobe is not on the PATH, or does not start', cure);
  try {
    const [encoders, filters] = await Promise.all(
      ['-encoders', '-filters'].map(
        async (what) => (await run(found.ffmpeg, ['-hide_banner', what], { maxBuffer: 8_000_000 })).stdout,
      ),
    );
    const missing = [...missingFrom(encoders ?? '', ENCODERS), ...missingFrom(filters ?? '', FILTERS)];
    if (missing.length === 0) return ok('ffmpeg', `${found.version}, with ${[...ENCODERS, ...FILTERS].join(', ')}`);
    return failed('ffmpeg', `${found.version} lacks ${missing.join(', ')}`, `take a complete build: ${cure}`);
  } catch (error) {
    return failed('ffmpeg', `${found.ffmpeg} does not list what it can (${messageOf(error)})`, cure);
  }
}

/** Which speech provider a worker started here would use, which others it could, and how to get the rest. */
export function checkSpeech(settings: Settings, env: NodeJS.ProcessEnv): Finding {
  const reports = speechReport(settings, env);
  const { SPEECH_PROVIDER: wanted } = settings;
  const usable = reports.filter((report) => report.usable).map(({ name }) => name);
  const rest = reports.filter((report) => !report.usable).map(({ name, cure }) => `${name}: ${cure}`);
  const cure = rest.length > 0 ? rest.join('; ') : null;
  const chosen = wanted === undefined ? usable[0] : usable.find((name) => name === wanted);
  if (chosen === undefined)
    return warning(
      'speech',
      wanted === undefined
        ? 'no provider can be used here: what is said in videos is not written down'
        : `SPEECH_PROVIDER is ${wanted}, which cannot be used here`,
      cure as string,
    );
  const others = usable.filter((name) => name !== chosen);
  return note('speech', others.length > 0 ? `${chosen} (also: ${others.join(', ')})` : chosen, cure);
}

export async function checkScratch(settings: Settings): Promise<Finding> {
  const { REELFLEET_SCRATCH: folder, REELFLEET_MIN_FREE_MB: least } = settings;
  const cure = 'name another folder in REELFLEET_SCRATCH, or make room';
  try {
    await mkdir(folder, { recursive: true });
    const probe = await mkdtemp(join(folder, 'doctor-'));
    await rm(probe, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const says = `${folder}, ${bytes(free)} free`;
    if (free < least * 1024 * 1024)
      return failed('scratch', `${says}, less than REELFLEET_MIN_FREE_MB (${least})`, cure);
    if (free < 4 * least * 1024 * 1024) return warning('scratch', says, `it fills up soon: ${cure}`);
    return ok('scratch', says);
  } catch (error) {
    return failed('scratch', `${folder} cannot be written (${messageOf(error)})`, cure);
  }
}

/** Puts an object, reads it back and removes it. */
export async function checkStorage(storage: Storage, url: string): Promise<Finding> {
  const content = `doctor ${randomUUID()}\n`;
  const cure = 'check that STORAGE_URL is right and that this user may write there';
  try {
    const { uri } = await storage.put(`doctor/${randomUUID()}.txt`, Buffer.from(content), {
      contentType: 'text/plain',
    });
    try {
      if ((await text(await storage.get(uri))) !== content)
        return failed('storage', `${url} gave back other bytes than were put`, cure);
    } finally {
      await storage.delete(uri);
    }
    return ok('storage', `${url}: put, read and removed an object`);
  } catch (error) {
    return failed('storage', `${url}: ${messageOf(error)}`, cure);
  }
}
