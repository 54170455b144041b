/** What is kept: the files that tasks stored and the videos they make up, as operators see them. */
import type { RunRow } from './operator-types.ts';
import type { Watching } from './watching.ts';

export interface ArtifactRow {
  id: string;
  kind: string;
  uri: string;
  sha256: string;
  sizeBytes: number;
  contentType: string;
  taskKey: string | null;
}

export interface ArtifactDetails extends ArtifactRow {
  /** A good name for it on a disk: the video's title where it is the video, otherwise its own. */
  fileName: string;
  runId: string | null;
  taskId: string | null;
  videoId: string | null;
  createdAt: string;
}

export interface VideoRow {
  id: string;
  identifier: string;
  title: string;
  status: string;
  reviewStatus: string;
  /** Null until it was made or looked at, like all facts below. */
  durationSeconds: number | null;
  sizeBytes: number | null;
  width: number | null;
  height: number | null;
  /** Where its file is stored. */
  uri: string | null;
  thumbnailUri: string | null;
  channelId: string | null;
  channelName: string | null;
  /** Slug of its category. */
  category: string | null;
  /** Slugs, in their order. */
  tags: string[];
  /** Raised by every change; an edit names the one it read. */
  stateVersion: number;
  createdAt: string;
  updatedAt: string;
  deletedAt: string | null;
}

export interface VideoDetails extends Watching {
  video: VideoRow & {
    description: string;
    videoCodec: string | null;
    audioCodec: string | null;
    frameRate: number | null;
  };
  /** What was done to it, newest first. */
  runs: RunRow[];
}
