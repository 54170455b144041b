/** What is kept, as an operator asks for it: artifacts by what names them, videos with their files and their history. */
import { type Storage, UserError } from '@reelfleet/core';
import {
  type ArtifactRecord,
  artifactById,
  artifactByUri,
  listRuns,
  listVideos,
  type ReadHandle,
  videoByRef,
} from '@reelfleet/db';
import { keyProblem } from '@reelfleet/storage';
import type { ArtifactDetails, Operator } from './operator-types.ts';
import { wrong } from './orders.ts';
import { pageLimit, pageOf, positionOf } from './pages.ts';
import { isUuid } from './references.ts';
import { artifactDetails, runRow, videoDetails, videoRow } from './views.ts';

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

export function videoLibrary(reads: ReadHandle, storage: Pick<Storage, 'keyOf'>): Operator['videos'] {
  async function known(ref: string) {
    const video = await videoByRef(reads, ref.trim());
    if (!video) throw missing(`there is no video "${ref}": give the id or the identifier of one that is not deleted`);
    return video;
  }
  return {
    async ls({ limit, cursor }) {
      const most = pageLimit(limit);
      const rows = await listVideos(reads, { limit: most + 1, before: positionOf('videos', cursor)?.id });
      const page = pageOf('videos', rows, most, ({ id }) => ({ id }));
      return { videos: page.rows.map(videoRow), next: page.next };
    },
    async show(ref) {
      const video = await known(ref);
      const runs = await listRuns(reads, { videoId: video.id, limit: RUNS_OF_VIDEO });
      return { video: videoDetails(video), runs: runs.map(runRow) };
    },
    async file(ref, which) {
      const video = await known(ref);
      const [uri, name] = which === 'content' ? [video.videoUrl, 'file'] : [video.thumbnailUrl, 'picture'];
      if (uri === null)
        throw missing(`video "${video.identifier}" has no ${name} yet: it is ${video.status}, so wait for its run`);
      const found = await artifactByUri(reads, uri);
      if (!found) throw missing(`the ${name} of video "${video.identifier}" is not among the artifacts any more`);
      return details(found, storage);
    },
  };
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
