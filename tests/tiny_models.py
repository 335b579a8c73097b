"""Models of a few thousand random weights, written as users have them: config, safetensors and fast tokenizer."""

from collections.abc import Callable
from pathlib import Path

CORPUS = ["river rain word a short text. one two", " river rain word the dog crossed it until morning" * 3]
WINDOW = 64
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


def bert(folder: Path) -> Path:
    """Write a BERT of two layers; sentence-transformers reads such a folder with mean pooling."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = BertWordPieceTokenizer()
    words.train_from_iterator(CORPUS, vocab_size=200, show_progress=False)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=200, max_position_embeddings=WINDOW, **SMALL)).save_pretrained(folder)
    BertTokenizerFast(tokenizer_object=words._tokenizer, model_max_length=WINDOW).save_pretrained(folder)
    return folder


def llama(folder: Path) -> Path:
    """Write a Llama of two layers whose tokenizer puts a token before every text."""
    from tokenizers.processors import TemplateProcessing
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(vocab_size=300, max_position_embeddings=WINDOW, num_key_value_heads=2, **SMALL)
    first = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return _decoder(folder, lambda: LlamaModel(config), first)


def gpt2(folder: Path) -> Path:
    """Write a GPT-2 of two layers whose tokenizer adds no token."""
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(
        vocab_size=300, n_positions=WINDOW, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1
    )
    return _decoder(folder, lambda: GPT2Model(config), None)


def _decoder(folder: Path, model: Callable, processor: object) -> Path:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )  # fmt: skip
    pieces.train_from_iterator(CORPUS, trainer)
    if processor is not None:
        pieces.post_processor = processor
    torch.manual_seed(1)
    model().save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=pieces, bos_token="<s>", eos_token="</s>", model_max_length=WINDOW
    ).save_pretrained(folder)
    return folder
