/** From what the database says to what people and programs are shown: times as ISO-8601 UTC, bytes as numbers. Pure. */
import type {
  ArtifactRecord,
  artifactsOfRun,
  auditOfTask,
  ChannelRecord,
  needsOfRun,
  RunRecord,
  TaskRecord,
  VideoRecord,
  WorkerRecord,
} from '@reelfleet/db';
import { fileName } from './export.ts';
import type {
  ArtifactDetails,
  ArtifactRow,
  AuditRow,
  ChannelRow,
  DeadLetterRow,
  RunRow,
  TaskRow,
  VideoDetails,
  VideoRow,
  WorkerRow,
} from './operator-types.ts';

/** Of an error the sentence: below it stand the kept lines of a program, which {@link errorTail} has. */
export const firstLine = (error: string | null): string | null => error?.split('\n', 1)[0] || null;

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

export function runRow(run: RunRecord): RunRow {
  const { videoTitle: _title, cancelRequestedBy: _by, ...rest } = run;
  return {
    ...rest,
    errorMessage: firstLine(run.errorMessage),
    cancelRequestedAt: iso(run.cancelRequestedAt),
    createdAt: run.createdAt.toISOString(),
    startedAt: iso(run.startedAt),
    completedAt: iso(run.completedAt),
  };
}

type Need = Awaited<ReturnType<typeof needsOfRun>>[number];

export function taskRow(task: TaskRecord, needs: readonly Need[]): TaskRow {
  return {
    ...stateOf(task),
    needs: needs.filter((need) => need.taskId === task.id).map((need) => need.key),
  };
}

export const deadLetterRow = (task: TaskRecord): DeadLetterRow => ({ ...stateOf(task), runId: task.runId });

function stateOf(task: TaskRecord): Omit<TaskRow, 'needs'> {
  return {
    id: task.id,
    key: task.key,
    stage: task.stage,
    title: task.title,
    status: task.status,
    stateVersion: task.stateVersion,
    attemptNumber: task.attemptNumber,
    progressPercent: task.progressPercent,
    currentStep: task.currentStep,
    workerName: task.workerName,
    failures: task.failures,
    maxAttempts: task.maxAttempts,
    crashes: task.crashes,
    maxCrashes: task.maxCrashes,
    optional: task.optional,
    runAfter: iso(task.runAfter),
    claimExpiresAt: iso(task.claimExpiresAt),
    errorCode: task.errorCode,
    lastError: firstLine(task.lastError),
    startedAt: iso(task.startedAt),
    completedAt: iso(task.completedAt),
  };
}

export function artifactRow(artifact: Awaited<ReturnType<typeof artifactsOfRun>>[number]): ArtifactRow {
  const { id, kind, uri, sha256, sizeBytes, contentType, taskKey } = artifact;
  return { id, kind, uri, sha256, sizeBytes: Number(sizeBytes), contentType, taskKey };
}

/** `key` is where it is stored. The file and the picture of a video are called by its title. */
export function artifactDetails(artifact: ArtifactRecord, key: string): ArtifactDetails {
  const { runId, taskId, videoId, videoTitle, uri } = artifact;
  const own = key.slice(key.lastIndexOf('/') + 1);
  const isTitled = videoTitle !== null && (uri === artifact.videoUrl || uri === artifact.thumbnailUrl);
  return {
    ...artifactRow(artifact),
    fileName: isTitled ? `${fileName(videoTitle)}${/\.[a-z0-9]{1,8}$/i.exec(own)?.[0] ?? ''}` : fileName(own),
    runId,
    taskId,
    videoId,
    createdAt: artifact.createdAt.toISOString(),
  };
}

export function videoRow(video: VideoRecord): VideoRow {
  const { id, identifier, title, status, reviewStatus, durationSeconds, width, height, channelId, channelName } = video;
  return {
    id,
    identifier,
    title,
    status,
    reviewStatus,
    durationSeconds,
    sizeBytes: video.fileSizeBytes === null ? null : Number(video.fileSizeBytes),
    width,
    height,
    uri: video.videoUrl,
    thumbnailUri: video.thumbnailUrl,
    channelId,
    channelName,
    category: video.categorySlug,
    tags: video.tags,
    stateVersion: video.stateVersion,
    createdAt: video.createdAt.toISOString(),
    updatedAt: video.updatedAt.toISOString(),
    deletedAt: iso(video.deletedAt),
  };
}

export function videoDetails(video: VideoRecord): VideoDetails['video'] {
  const { description, videoCodec, audioCodec, frameRate } = video;
  return { ...videoRow(video), description, videoCodec, audioCodec, frameRate };
}

type AuditRecord = Awaited<ReturnType<typeof auditOfTask>>[number];

/** The row keeps its last error until it completes; here an entry shows only the one that came with it. */
export function auditRow(entry: AuditRecord): AuditRow {
  const isNew =
    ['fail', 'retry', 'expire', 'resolve'].includes(entry.action) || entry.after.error !== entry.before?.error;
  return {
    stateVersion: entry.stateVersion,
    actor: entry.actor,
    actorName: entry.actorName,
    action: entry.action,
    from: entry.before?.status ?? null,
    to: entry.after.status,
    error: isNew ? firstLine(entry.after.error) : null,
    at: entry.at.toISOString(),
  };
}

/** The last lines of the external program that the newest failed attempt kept, below the message. */
export function errorTail(task: Pick<TaskRecord, 'lastError'>, audit: readonly AuditRecord[]): string | null {
  const text = task.lastError ?? audit.findLast((entry) => entry.after.error !== null)?.after.error ?? null;
  if (text === null) return null;
  const cut = text.indexOf('\n');
  return cut < 0 ? null : text.slice(cut + 1);
}

export function workerRow(worker: WorkerRecord): WorkerRow {
  const { id, name, status, stages, tasks } = worker;
  return {
    id,
    name: name ?? id,
    status,
    lastHeartbeat: iso(worker.lastHeartbeat),
    registeredAt: worker.registeredAt.toISOString(),
    stages,
    tasks,
  };
}

export function channelRow(channel: ChannelRecord & { totalJobs: number; completedJobs: number }): ChannelRow {
  return { ...channel, createdAt: channel.createdAt.toISOString() };
}
