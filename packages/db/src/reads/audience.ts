/** What became of playbacks: the overview of seed 004, of one video or of all. */
import { count, countDistinct, eq, sql } from 'drizzle-orm';
import { playbackSessions } from '../schema/audience.ts';
import type { ReadHandle } from './client.ts';

/** Views, viewers, hours and the share that was watched to the end (null before the first view). */
export async function audienceOf(db: ReadHandle, videoId: string | null) {
  const [seen] = await db
    .select({
      totalViews: count(),
      uniqueViewers: countDistinct(playbackSessions.viewerId),
      watchHours: sql<number>`coalesce(sum(${playbackSessions.durationWatched}) / 3600, 0)`.mapWith(Number),
      completionRate: sql<
        number | null
      >`avg(case when ${playbackSessions.completed} then 1.0 else 0.0 end)::float8`.mapWith((share) =>
        share === null ? null : Number(share),
      ),
      furthestSeconds: sql<number | null>`max(${playbackSessions.maxPosition})`.mapWith((seconds) =>
        seconds === null ? null : Number(seconds),
      ),
    })
    .from(playbackSessions)
    .where(videoId === null ? undefined : eq(playbackSessions.videoId, videoId));
  const byQuality = await db
    .select({ quality: playbackSessions.qualityUsed, views: count() })
    .from(playbackSessions)
    .where(videoId === null ? undefined : eq(playbackSessions.videoId, videoId))
    .groupBy(playbackSessions.qualityUsed)
    .orderBy(sql`count(*) desc`, playbackSessions.qualityUsed);
  return { ...(seen as NonNullable<typeof seen>), byQuality };
}
