import { type GcsServer, startGcsServer } from '@reelfleet/testkit';
import { beforeAll } from 'vitest';
import { openStorage } from './index.ts';
import { describeStorage } from './storage.testsuite.ts';

/** Waits are short here; how often it tries is as in life. */
const patience = { firstMs: 10, longestMs: 200 };

function suiteAgainst(title: string, start: () => Promise<GcsServer>): void {
  let server: GcsServer;
  beforeAll(async () => {
    server = await start();
  });
  let stores = 0;
  describeStorage(title, async () => {
    stores += 1;
    const root = `gs://${server.bucket}/a store é/${stores}`;
    return {
      storage: openStorage(root, { apiEndpoint: server.url, patience }),
      foreignUri: `gs://${server.bucket}/a%20store%20%C3%A9/${stores}-another/a`,
      close: async () => {},
    };
  });
}

suiteAgainst('a bucket', () => startGcsServer({ pageSize: 3 }));
suiteAgainst('a bucket where one in twenty of everything goes wrong', () =>
  startGcsServer({ pageSize: 3, faults: { rate: 0.05, seed: 3, slowForMs: 100, retryAfterSeconds: 0 } }),
);
