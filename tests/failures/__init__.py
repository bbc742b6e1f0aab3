"""Jobs under real failures: killed workers, lost brokers, cut connections, deploys; each set-up in a run of its own."""
