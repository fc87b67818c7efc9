import { Feed, type FeedOptions } from "./feed.ts";

/** The feeds of this node, by what is read and how it is worded. */
export interface Feeds {
  /** To be given back with `leave`. */
  join(key: string, make: () => Omit<FeedOptions, "onEmpty">): Feed;
}

export function createFeeds(): Feeds {
  const feeds = new Map<string, Feed>();
  return {
    join(key, make) {
      let feed = feeds.get(key);
      if (!feed) {
        const made: Feed = new Feed({
          ...make(),
          onEmpty: () => {
            if (feeds.get(key) === made) feeds.delete(key);
          },
        });
        feed = made;
        feeds.set(key, feed);
      }
      feed.join();
      return feed;
    },
  };
}
