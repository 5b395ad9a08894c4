"""The same training step and inference as ours, as a plain PyTorch program: BERT with Pfeiffer adapters.

Driven over stdin/stdout by bench/run.ts, one JSON object per line, so that both sides take turns in one run:
  {"load": {...}} builds the model from a weight file; {"train": n} and {"infer": n} time n executions.
"""

import contextlib
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F


class Linear(torch.nn.Module):
    def __init__(self, read, name, trained=False):
        super().__init__()
        self.weight = torch.nn.Parameter(read(name + ".weight"), requires_grad=trained)
        self.bias = torch.nn.Parameter(read(name + ".bias"), requires_grad=trained)

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Norm(torch.nn.Module):
    def __init__(self, read, name, epsilon):
        super().__init__()
        self.weight = torch.nn.Parameter(read(name + ".weight"), requires_grad=False)
        self.bias = torch.nn.Parameter(read(name + ".bias"), requires_grad=False)
        self.epsilon = epsilon

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


class Block(torch.nn.Module):
    def __init__(self, read, layer, heads, epsilon):
        super().__init__()
        path = f"encoder.layer.{layer}"
        self.heads = heads
        self.query = Linear(read, path + ".attention.self.query")
        self.key = Linear(read, path + ".attention.self.key")
        self.value = Linear(read, path + ".attention.self.value")
        self.attention_output = Linear(read, path + ".attention.output.dense")
        self.attention_norm = Norm(read, path + ".attention.output.LayerNorm", epsilon)
        self.intermediate = Linear(read, path + ".intermediate.dense")
        self.output = Linear(read, path + ".output.dense")
        self.output_norm = Norm(read, path + ".output.LayerNorm", epsilon)
        self.down = Linear(read, path + ".output.adapters.run.adapter_down.0", trained=True)
        self.up = Linear(read, path + ".output.adapters.run.adapter_up", trained=True)

    def split(self, x):
        batch, sequence, hidden = x.shape
        return x.view(batch, sequence, self.heads, hidden // self.heads).transpose(1, 2)

    def forward(self, x, mask):
        context = F.scaled_dot_product_attention(
            self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x)), attn_mask=mask
        )
        context = context.transpose(1, 2).reshape(x.shape)
        middle = self.attention_norm(self.attention_output(context) + x)
        hidden = self.output(F.gelu(self.intermediate(middle)))
        adapted = self.up(F.relu(self.down(self.output_norm(hidden + middle)))) + hidden
        return self.output_norm(adapted + middle)


class Model(torch.nn.Module):
    def __init__(self, read, config):
        super().__init__()
        epsilon = config["layerNormEpsilon"]
        embedding = lambda name: torch.nn.Parameter(read(f"embeddings.{name}.weight"), requires_grad=False)
        self.words = embedding("word_embeddings")
        self.positions = embedding("position_embeddings")
        self.types = embedding("token_type_embeddings")
        self.norm = Norm(read, "embeddings.LayerNorm", epsilon)
        self.blocks = torch.nn.ModuleList(
            Block(read, layer, config["heads"], epsilon) for layer in range(config["layers"])
        )
        self.head1 = Linear(read, "heads.run.1", trained=True)
        self.head2 = Linear(read, "heads.run.4", trained=True)

    def forward(self, ids, mask):
        sequence = ids.shape[1]
        x = self.norm(F.embedding(ids, self.words) + self.types[0] + self.positions[:sequence])
        # Additive, as a batch with padding needs it.
        bias = (1.0 - mask)[:, None, None, :] * torch.finfo(torch.float32).min
        for block in self.blocks:
            x = block(x, bias.to(x.dtype))
        return self.head2(torch.tanh(self.head1(x[:, 0])))


def load_model(request):
    """The model with the weights of a file, and those of its parameters that are trained."""
    with open(request["weights"], "rb") as file:

        def read(name):
            # One tensor at a time: a second copy of the file in memory would count as PyTorch's.
            entry = request["entries"][name]
            file.seek(entry["offset"])
            data = bytearray(file.read(entry["byteLength"]))
            return torch.frombuffer(data, dtype=torch.float32).view(entry["shape"])

        model = Model(read, request["config"])
    return model, [p for p in model.parameters() if p.requires_grad]


class Session:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        self.bf16 = request["precision"] == "bf16"
        self.device = request["device"]
        model, self.trained = load_model(request)
        model.to(self.device)
        self.model = torch.compile(model) if request["compiled"] else model
        self.ids = torch.tensor(request["ids"], dtype=torch.long, device=self.device)
        self.mask = torch.ones(self.ids.shape, device=self.device)
        self.labels = torch.tensor(request["labels"], dtype=torch.long, device=self.device)
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-3, weight_decay=0.01)

    def cast(self):
        return torch.autocast(self.device, dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        with self.cast():
            loss = F.cross_entropy(self.model(self.ids, self.mask).float(), self.labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        return loss.item()

    def infer(self):
        with torch.inference_mode(), self.cast():
            return self.model(self.ids, self.mask).float()[0, 0].item()


def main():
    session = None
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            session = Session(request["load"])
            answer = {"torch": torch.__version__}
        else:
            run = session.train if "train" in request else session.infer
            times = []
            processor_times = []
            result = 0.0
            for _ in range(request.get("train", request.get("infer", 0))):
                began, used = time.perf_counter(), time.process_time()
                result = run()
                times.append((time.perf_counter() - began) * 1000)
                processor_times.append((time.process_time() - used) * 1000)
            answer = {"ms": times, "processorMs": processor_times, "result": result}
        answer["peakRssBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
