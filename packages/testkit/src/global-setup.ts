/**
 * vitest's global setup: one Postgres cluster for the whole run, named to every test process by TEST_DATABASE_URL.
 * It takes about half a second, which pure tests pay too: a worker process could not start it for the others.
 */
import { testCluster } from './database.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const cluster = await testCluster();
  process.env.TEST_DATABASE_URL = cluster.url;
  return () => cluster.stop();
}
