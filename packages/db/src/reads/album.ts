/** A finished album with everything its export tells, and the word that it was exported. */
import { and, asc, eq, inArray, isNull } from 'drizzle-orm';
import { thumbnails, videos } from '../schema/catalog.ts';
import { artifacts, pipelineRuns, tasks } from '../schema/engine.ts';
import { audioTracks, images, videoJobs } from '../schema/studio.ts';
import type { ReadHandle } from './client.ts';

/** The album a run makes, or null when the run makes none. */
export async function albumOfRun(db: ReadHandle, runId: string) {
  const [album] = await db
    .select({
      jobId: videoJobs.id,
      jobStatus: videoJobs.status,
      promptsJson: videoJobs.promptsJson,
      runStatus: pipelineRuns.status,
      runIdentifier: pipelineRuns.identifier,
      completedAt: pipelineRuns.completedAt,
      videoId: videos.id,
      title: videos.title,
      description: videos.description,
      videoUrl: videos.videoUrl,
      thumbnailUri: thumbnails.uri,
    })
    .from(videoJobs)
    .innerJoin(pipelineRuns, eq(pipelineRuns.id, videoJobs.runId))
    .leftJoin(videos, and(eq(videos.id, videoJobs.videoId), isNull(videos.deletedAt)))
    .leftJoin(thumbnails, eq(thumbnails.videoId, videos.id))
    .where(eq(videoJobs.runId, runId));
  return album ?? null;
}

/** What the album's tracks and stills are and where they come from, in order. */
export async function partsOfAlbum(db: ReadHandle, jobId: string) {
  const tracks = await db
    .select({
      orderIndex: audioTracks.orderIndex,
      durationSeconds: audioTracks.durationSeconds,
      provider: audioTracks.provider,
      providerTrackId: audioTracks.providerTrackId,
      licenseDocumentUrl: audioTracks.licenseDocumentUrl,
    })
    .from(audioTracks)
    .where(eq(audioTracks.videoJobId, jobId))
    .orderBy(asc(audioTracks.orderIndex));
  const stills = await db
    .select({ orderIndex: images.orderIndex, provider: images.provider, providerImageId: images.providerImageId })
    .from(images)
    .where(eq(images.videoJobId, jobId))
    .orderBy(asc(images.orderIndex));
  return { tracks, stills };
}

/** Outputs of a run's completed tasks of one stage, in order of their keys. */
export async function outputsOfStage(db: ReadHandle, runId: string, stage: string): Promise<unknown[]> {
  const rows = await db
    .select({ output: tasks.output })
    .from(tasks)
    .where(and(eq(tasks.runId, runId), eq(tasks.stage, stage), eq(tasks.status, 'completed')))
    .orderBy(asc(tasks.position), asc(tasks.key));
  return rows.map((row) => row.output);
}

/** The artifacts that these URIs name. */
export async function artifactsByUri(db: ReadHandle, runId: string, uris: readonly string[]) {
  if (uris.length === 0) return [];
  return await db
    .select({ uri: artifacts.uri, sha256: artifacts.sha256, sizeBytes: artifacts.sizeBytes })
    .from(artifacts)
    .where(and(eq(artifacts.runId, runId), inArray(artifacts.uri, [...uris])));
}

/** The album was exported. True when that was news. */
export async function completeAlbum(db: ReadHandle, jobId: string): Promise<boolean> {
  const done = await db
    .update(videoJobs)
    .set({ status: 'completed' })
    .where(and(eq(videoJobs.id, jobId), eq(videoJobs.status, 'ready_for_export')))
    .returning({ id: videoJobs.id });
  return done.length > 0;
}
