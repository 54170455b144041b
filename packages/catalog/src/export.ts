/**
 * Copies a finished album out of the store: video, picture and a text to publish it with. Files that are there already
 * are never written over: the same bytes are left alone, others make the export choose another name. Only when all
 * three are whole does the album count as completed.
 */

import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, type Storage, UserError } from '@reelfleet/core';
import {
  albumOfRun,
  artifactsByUri,
  completeAlbum,
  outputsOfStage,
  partsOfAlbum,
  type ReadHandle,
} from '@reelfleet/db';
import { mkdirs } from '@reelfleet/storage';
import { z } from 'zod';
import { albumText } from './album-text.ts';

/** Of a render's output, what its chapters are. */
const chapters = z.object({
  tracks: z.array(
    z.object({ orderIndex: z.number(), title: z.string(), startSeconds: z.number(), durationSeconds: z.number() }),
  ),
});

const MOST_NAMES = 1_000;
const MOST_NAME_BYTES = 180;

/** Export the album of a run to a folder, which is made when it is not there. Returns the paths of the three files. */
export async function exportAlbum(
  deps: { reads: ReadHandle; storage: Pick<Storage, 'download'> },
  runId: string,
  to: string,
): Promise<string[]> {
  const album = await albumOfRun(deps.reads, runId);
  if (!album)
    throw new UserError('this run makes no album, so there is nothing to export: `reelfleet ls` shows which do', {
      kind: 'conflict',
    });
  if (!['ready_for_export', 'completed'].includes(album.jobStatus))
    throw new UserError(
      `the album of run ${album.runIdentifier} is not ready (its run is ${album.runStatus}): export it once the run has completed`,
      { kind: 'conflict' },
    );
  const { videoUrl, thumbnailUri, completedAt, title } = album;
  if (!videoUrl || !thumbnailUri || !completedAt || title === null)
    throw new UserError(
      `the video of run ${album.runIdentifier} was removed from the library, so it cannot be exported`,
      { kind: 'missing' },
    );

  const stored = new Map(
    (await artifactsByUri(deps.reads, runId, [videoUrl, thumbnailUri])).map((artifact) => [
      artifact.uri,
      artifact.sha256,
    ]),
  );
  const [video, picture] = [stored.get(videoUrl), stored.get(thumbnailUri)];
  if (!video || !picture)
    throw new UserError(
      `the files of run ${album.runIdentifier} are not registered any more: \`reelfleet fsck\` says more`,
      { kind: 'missing' },
    );
  const rendered = chapters.safeParse((await outputsOfStage(deps.reads, runId, 'render')).at(-1));
  const parts = await partsOfAlbum(deps.reads, album.jobId);
  const text = albumText({
    title,
    description: album.description ?? '',
    chapters: rendered.data?.tracks ?? [],
    ...parts,
  });

  const files: Wanted[] = [
    { extension: 'mp4', sha256: video, write: (path) => deps.storage.download(videoUrl, path, { sha256: video }) },
    {
      extension: 'jpg',
      sha256: picture,
      write: (path) => deps.storage.download(thumbnailUri, path, { sha256: picture }),
    },
    {
      extension: 'txt',
      sha256: createHash('sha256').update(text).digest('hex'),
      write: (path) => writeFile(path, text, { flag: 'wx' }),
    },
  ];
  const name = fileName(`${completedAt.toISOString().slice(0, 10)} ${title}`);
  const paths = await place(resolve(to), name, files);
  await completeAlbum(deps.reads, album.jobId);
  return paths;
}

interface Wanted {
  extension: string;
  sha256: string;
  write(path: string): Promise<void>;
}

/** Put all files under the first name that is free, or holds exactly these files, for each of them. */
async function place(folder: string, name: string, files: readonly Wanted[]): Promise<string[]> {
  try {
    await mkdirs(folder);
    for (let n = 1; n <= MOST_NAMES; n++) {
      const paths = files.map((file) => join(folder, `${n === 1 ? name : `${name} (${n})`}.${file.extension}`));
      if (await placeAs(paths, files, folder)) return paths;
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw new UserError(`cannot export to ${folder}: ${messageOf(error)}`, { cause: error });
  }
  throw new UserError(`${folder} holds ${MOST_NAMES} other files named "${name}": export to another folder`);
}

async function placeAs(paths: readonly string[], files: readonly Wanted[], folder: string): Promise<boolean> {
  const wanted: { path: string; file: Wanted }[] = [];
  for (const [index, file] of files.entries()) {
    const path = paths[index] as string;
    const there = await digestOf(path);
    if (there !== null && there !== file.sha256) return false;
    if (there === null) wanted.push({ path, file });
  }
  for (const { path, file } of wanted) {
    // Whole or not at all, and a name that was taken meanwhile stays its taker's.
    const part = join(folder, `.${randomUUID()}.part`);
    try {
      await file.write(part);
      if (!(await give(part, path)) && (await digestOf(path)) !== file.sha256) return false;
    } finally {
      await rm(part, { force: true });
    }
  }
  return true;
}

/** Name a finished file, unless the name is taken. */
async function give(part: string, path: string): Promise<boolean> {
  try {
    await link(part, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Some file systems (memory sticks, shares) have no links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
  }
  return await copyFile(part, path, constants.COPYFILE_EXCL).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
}

/** SHA-256 of a file, null when there is none; a folder or the like has an answer that equals no checksum. */
async function digestOf(path: string): Promise<string | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return null;
  if (!found.isFile()) return '';
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** A file name that every system takes: what means something to one of them becomes a dash. */
export function fileName(text: string): string {
  let name = text
    .normalize('NFC')
    .replace(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, '-')
    .replace(/\s+/gu, ' ')
    .trim();
  while (Buffer.byteLength(name) > MOST_NAME_BYTES) name = [...name].slice(0, -1).join('');
  return name.replace(/[. ]+$/u, '') || 'album';
}
