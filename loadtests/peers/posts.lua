-- Begin statements and follow none: what taking a statement in costs.
wrk.method = "POST"
wrk.body = os.getenv("BENCH_SQL")

function done(summary, latency)
   local wrong = summary.errors.status + summary.errors.read + summary.errors.timeout
   print(string.format("BENCH requests=%d microseconds=%d wrong=%d", summary.requests, summary.duration, wrong))
end
