/** What is kept, as an operator asks for it: artifacts by what names them, videos with their files and their history. */
import { type Storage, UserError } from '@reelfleet/core';
import {
  type ArtifactRecord,
  artifactById,
  artifactByUri,
  listCategories,
  listRuns,
  listTags,
  listVideos,
  playedFiles,
  type ReadHandle,
  videoByRef,
  videoStatuses,
  watchingOf,
} from '@reelfleet/db';
import { keyProblem } from '@reelfleet/storage';
import { filedAs } from './filing.ts';
import type { ArtifactDetails, Operator, VideoLife } from './operator-types.ts';
import { wrong } from './order-words.ts';
import { pageLimit, pageOf, positionOf } from './pages.ts';
import { isUuid } from './references.ts';
import { saidLibrary } from './said.ts';
import { artifactDetails, runRow, videoDetails, videoRow } from './views.ts';
import { watching } from './watching.ts';

const RUNS_OF_VIDEO = 50;

export function artifactLibrary(reads: ReadHandle, storage: Pick<Storage, 'uriOf' | 'keyOf'>): Operator['artifacts'] {
  return {
    async show(id) {
      const found = isUuid(id) ? await artifactById(reads, id.toLowerCase()) : null;
      if (!found) throw missing(`there is no artifact "${id}": a run's details list its artifacts`);
      return details(found, storage);
    },
    async at(key) {
      const problem = keyProblem(key);
      if (problem) throw wrong(`${JSON.stringify(key)} is no name of a stored file: ${problem}`);
      const found = await artifactByUri(reads, storage.uriOf(key));
      if (!found) throw missing(`no artifact is stored as "${key}": a run's details list its artifacts`);
      return details(found, storage);
    },
  };
}

export function videoLibrary(
  reads: ReadHandle,
  storage: Pick<Storage, 'keyOf'>,
): Omit<Operator['videos'], keyof VideoLife> {
  async function known(ref: string, deleted = false) {
    const video = await videoByRef(reads, ref.trim(), { deleted });
    if (!video)
      throw missing(
        `there is no video "${ref}": give the id or the identifier of one that is ${deleted ? '' : 'not '}deleted`,
      );
    return video;
  }
  return {
    async ls({ limit, cursor, category, tag, status, deleted }) {
      const most = pageLimit(limit);
      const known = videoStatuses.find((one) => one === status);
      if (status !== undefined && !known) throw wrong(`status is "${status}": a video is ${videoStatuses.join(', ')}`);
      const rows = await listVideos(reads, {
        limit: most + 1,
        before: positionOf('videos', cursor)?.id,
        categoryId: category === undefined ? undefined : idOf('category', category, await listCategories(reads)),
        tagId: tag === undefined ? undefined : idOf('tag', tag, await listTags(reads)),
        status: known,
        deleted,
      });
      const page = pageOf('videos', rows, most, ({ id }) => ({ id }));
      return { videos: page.rows.map(videoRow), next: page.next };
    },
    async show(ref, { deleted } = {}) {
      const video = await known(ref, deleted);
      const [runs, played] = await Promise.all([
        listRuns(reads, { videoId: video.id, limit: RUNS_OF_VIDEO }),
        watchingOf(reads, video.id),
      ]);
      return { video: videoDetails(video), runs: runs.map(runRow), ...watching(played, storage) };
    },
    async file(ref, which) {
      const video = await known(ref);
      const [uri, name] =
        which === 'stream'
          ? [(await playedFiles(reads, video.id)).streamUri, 'stream']
          : which === 'content'
            ? [video.videoUrl, 'file']
            : [video.thumbnailUrl, 'picture'];
      if (uri === null)
        throw missing(`video "${video.identifier}" has no ${name} yet: it is ${video.status}, so wait for its run`);
      const found = await artifactByUri(reads, uri);
      if (!found) throw missing(`the ${name} of video "${video.identifier}" is not among the artifacts any more`);
      return details(found, storage);
    },
    ...saidLibrary(reads, storage, known, (artifact) => details(artifact, storage)),
  };
}

/** What a list is narrowed to must be there: an empty page would hide a slip of the pen. */
function idOf(
  kind: 'category' | 'tag',
  ref: string,
  rows: readonly { id: string; name: string; slug: string }[],
): string {
  const found = filedAs(ref, rows);
  if (found) return found.id;
  throw missing(`there is no ${kind} "${ref}": \`reelfleet ${kind === 'tag' ? 'tags' : 'categories'} ls\` lists them`);
}

/** The name of a file of another store is the end of its address. */
function details(artifact: ArtifactRecord, storage: Pick<Storage, 'keyOf'>): ArtifactDetails {
  let key = artifact.uri;
  try {
    key = storage.keyOf(artifact.uri);
  } catch {
    // Stored before STORAGE_URL was changed: its row is still worth showing.
  }
  return artifactDetails(artifact, key);
}

const missing = (sentence: string): UserError => new UserError(sentence, { kind: 'missing' });
