-- Follow every statement's pages: each thread, which has one connection, asks for the page that was named last, and
-- begins a new statement when there is none. Answers that are no page are counted, and told at the end.
local waiting, first, last = {}, 1, 0
wrong = 0

function init(args)
   headers = "Host: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
   for name, value in pairs(wrk.headers) do
      if name ~= "Host" then headers = headers .. name .. ": " .. value .. "\r\n" end
   end
   sql = os.getenv("BENCH_SQL")
   posting = "POST /v1/statement HTTP/1.1\r\n" .. headers .. "Content-Length: " .. #sql .. "\r\n\r\n" .. sql
   headers = " HTTP/1.1\r\n" .. headers .. "\r\n"
end

function request()
   if first > last then return posting end
   local path = waiting[first]
   waiting[first] = nil
   first = first + 1
   return "GET " .. path .. headers
end

function response(status, _, body)
   if status ~= 200 or body:find('"error":', 1, true) then
      wrong = wrong + 1
      return
   end
   local path = body:match('"nextUri":"https?://[^/"]+(/[^"]+)"')
   if path then
      last = last + 1
      waiting[last] = path
   end
end

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function done(summary, latency)
   local wrongs = summary.errors.status + summary.errors.read + summary.errors.timeout
   for _, thread in ipairs(threads) do wrongs = wrongs + (thread:get("wrong") or 0) end
   print(string.format("BENCH requests=%d microseconds=%d wrong=%d", summary.requests, summary.duration, wrongs))
end
