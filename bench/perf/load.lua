-- wrk's requests and report. Arguments, after wrk's "--":
--   get ID-OR-FILE      GET of a cart, or of a random one of those in the file
--   add ID-OR-FILE      an add to it of one of its three products
--   create COUNT FILE   makes so many carts and writes their ids to the file
--   lines FILE          adds products 1, 2 and 3 to each cart in the file, once
-- An ID is 36 characters; a file has one a line. One thread (-t1): the counts below are its own.

local JSON = { ["Content-Type"] = "application/json" }
local ids, next_id = {}, 0
local wanted, file

local function read_ids(name)
	if #name == 36 and not name:find("/") then
		ids[1] = name
		return
	end
	for id in io.lines(name) do
		ids[#ids + 1] = id
	end
end

local function path()
	return "/shopping-carts/" .. ids[math.random(#ids)]
end

-- wrk sleeps for its whole duration unless it is interrupted, which os.execute keeps off it while it runs.
local function finish()
	wrk.thread:stop()
	os.execute("(sleep 0.2; kill -INT $PPID) &")
end

local modes = {}

function modes.get(args)
	read_ids(args[2])
	if #ids == 1 then
		wrk.path = path() -- without a request function wrk repeats one request, at no cost
		return
	end
	request = function()
		return wrk.format("GET", path())
	end
end

local function add_body()
	return '{"product_id": ' .. math.random(3) .. ', "quantity": 1}'
end

function modes.add(args)
	read_ids(args[2])
	if #ids == 1 then
		wrk.method, wrk.path, wrk.body = "POST", path() .. "/items", add_body()
		wrk.headers["Content-Type"] = JSON["Content-Type"]
		return
	end
	request = function()
		return wrk.format("POST", path() .. "/items", JSON, add_body())
	end
end

function modes.create(args)
	wanted, file = tonumber(args[2]), io.open(args[3], "w")
	request = function()
		next_id = next_id + 1
		return wrk.format("POST", "/shopping-carts", JSON, '{"customer_id": ' .. next_id .. "}")
	end
	response = function(status, _, body)
		if wanted > 0 and status == 201 then
			file:write(body:match('"shopping_cart_id":%s*"([^"]*)"'), "\n")
			wanted = wanted - 1
		end
		if wanted == 0 then
			file:close()
			wanted = -1
			finish()
		end
	end
end

function modes.lines(args)
	read_ids(args[2])
	local answers = 0
	local body = '{"items": [{"product_id": 1, "quantity": 1}, {"product_id": 2, "quantity": 1}, '
		.. '{"product_id": 3, "quantity": 1}]}'
	request = function()
		next_id = next_id % #ids + 1
		return wrk.format("POST", "/shopping-carts/" .. ids[next_id] .. "/items", JSON, body)
	end
	response = function()
		answers = answers + 1
		if answers == #ids then
			finish()
		end
	end
end

function init(args)
	math.randomseed(1)
	modes[args[1]](args)
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'{"requests": %d, "seconds": %.6f, "errors": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}\n',
		summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
		latency:percentile(50), latency:percentile(99), latency.max))
end
